import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kindOfRoom } from "../../../src/config/config.ts";
import { UnreadWelcomes } from "../../../src/room/connections/unread-welcomes.ts";
import { LIVE } from "../../../src/room/connections/send-window.ts";
import { Sessions, type Session } from "../../../src/room/connections/sessions.ts";
import { kinds } from "../../../src/rooms.ts";
import { readConfig } from "../../support/config.ts";
import { infoOf, uniqueRoom } from "../support/rooms.ts";
import { pass } from "../support/reader.ts";
import { join, upgrade } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

const NOW = 1_800_000_000_000;

/** A new connection whose welcome has 100,000 characters of three bytes each, and what the runtime has queued for it. */
function slowReader(): {
  readonly unreadWelcomes: UnreadWelcomes;
  readonly session: Session;
  readonly queue: (bytes: number) => void;
} {
  const { 0: socket } = new WebSocketPair();
  let queued = 300_000;
  Object.defineProperty(socket, "bufferedAmount", { get: () => queued });
  const sessions = new Sessions(() => [], kindOfRoom(readConfig({}, kinds), "room"));
  const of = { user: "", dialect: "json", mode: "list", joinedAt: NOW, heardAt: NOW } as const;
  const record = { session: "session", member: "member", ...of };
  const session = sessions.add(socket, record, { sent: 100_000, state: LIVE });
  const unreadWelcomes = new UnreadWelcomes(sessions);
  unreadWelcomes.watch(session, NOW);
  return { unreadWelcomes, session, queue: (bytes) => void (queued = bytes) };
}

/** Checks every second, as the room does. Returns the lost connections. */
function lostWithin(unreadWelcomes: UnreadWelcomes, seconds: number): Session[] {
  return Array.from({ length: seconds }, (_, index) =>
    unreadWelcomes.takeLost(NOW + 1_000 * (index + 1)),
  ).flat();
}

describe("a slow network and a welcome that is not ASCII", () => {
  it("[L4 G10] a slow client that has read part of its welcome is not closed, although more bytes are queued than characters were sent", () => {
    const { unreadWelcomes, queue } = slowReader();

    queue(280_000);

    expect(lostWithin(unreadWelcomes, 200)).toEqual([]);
  });

  it("[L4 G9] a client that has read nothing has time for the bytes of its welcome at 32 kbit/s, and is then closed", () => {
    const { unreadWelcomes, session } = slowReader();
    const seconds = 5 + 300_000 / 4_000;

    expect(lostWithin(unreadWelcomes, seconds - 1)).toEqual([]);
    expect(lostWithin(unreadWelcomes, seconds)).toEqual([session]);
  });
});

describe("a connection whose client disconnected during the handshake", () => {
  it("[L4 G9] a connection whose client disconnected during the handshake is closed within seconds, because it never reads its welcome", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const ghost = await upgrade(room); // The client never accepts the socket.
    await ana.inbox.take("presence", ({ joined }) => joined !== undefined);

    pass(10_000);
    await ana.publish("e", 1);

    const { left } = await ana.inbox.take("presence", (frame) => frame.left !== undefined);
    expect(left).toMatchObject([{ reason: "disconnected" }]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(ghost.status).toBe(101);
  });

  it("[L4 G10] a client that only listens is not mistaken for one that disconnected during the handshake", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    pass(10_000);
    await ana.publish("e", 1);

    await vi.waitFor(async () => expect(await infoOf(room)).toMatchObject({ members: 2 }));
    expect(await bob.inbox.take("message")).toMatchObject({ event: "e" });
  });
});
