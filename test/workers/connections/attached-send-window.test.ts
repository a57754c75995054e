import { describe, expect, it } from "vitest";
import {
  attach,
  readAttachment,
  type AttachedSendWindow,
  type SessionRecord,
} from "../../../src/room/connections/attachment.ts";
import { LIVE, type SendWindowRecord } from "../../../src/room/connections/send-window.ts";

const RECORD: SessionRecord = {
  session: "s",
  member: "m",
  user: "",
  dialect: "json",
  mode: "list",
  joinedAt: 1,
  heardAt: 2,
};

function socketWith(attachment: unknown): WebSocket {
  const { 0: socket } = new WebSocketPair();
  socket.serializeAttachment(attachment);
  return socket;
}

/** Send windows, each with its attached form. */
const WINDOWS: readonly [string, SendWindowRecord, AttachedSendWindow][] = [
  ["a live connection", { sent: 5, state: LIVE }, { sent: 5 }],
  [
    "a live connection whose client reports",
    { sent: 9, welcome: 4, seen: 3, said: 7, state: LIVE },
    { sent: 9, welcome: 4, seen: 3, said: 7 },
  ],
  [
    "a connection that is behind",
    {
      ...{ sent: 9, seen: 0 },
      state: { is: "behind", offset: 0, epoch: "e", stalledAt: 7, hasMissedPresence: false },
    },
    { sent: 9, seen: 0, behind: 0, epoch: "e", stalledAt: 7 },
  ],
  [
    "a connection that is behind and missed presence",
    {
      ...{ sent: 9, seen: 3 },
      state: { is: "behind", offset: 12, epoch: "e", stalledAt: 7, hasMissedPresence: true },
    },
    { sent: 9, seen: 3, behind: 12, epoch: "e", stalledAt: 7, missed: true },
  ],
];

describe("the attached send window", () => {
  it.each(WINDOWS)("[V2] %s is attached with the keys that other versions read", (_who, window, attached) => {
    const socket = socketWith(null);
    attach(socket, RECORD, window);

    expect(socket.deserializeAttachment()).toStrictEqual({ v: 1, ...RECORD, lane: attached });
  });

  it.each(WINDOWS)("[V2 G6] %s is read as it was attached", (_who, window, attached) => {
    const socket = socketWith({ v: 1, ...RECORD, lane: attached });

    expect(readAttachment(socket)).toStrictEqual({ is: "session", record: RECORD, sendWindow: window });
  });

  it("[V2 G6] a live connection that older code attached is read without the leftovers of its last catch-up", () => {
    const leftovers = { behind: undefined, epoch: undefined, stalledAt: 7, missed: undefined };
    const socket = socketWith({ v: 1, ...RECORD, lane: { sent: 9, seen: 9, ...leftovers } });

    expect(readAttachment(socket)).toMatchObject({ sendWindow: { sent: 9, seen: 9, state: LIVE } });
  });

  it("[V2] a connection without a send window is read as live, with nothing sent", () => {
    const socket = socketWith({ v: 1, ...RECORD });

    expect(readAttachment(socket)).toMatchObject({ sendWindow: { sent: 0, state: LIVE } });
  });
});
