import { describe, expect, it, onTestFinished } from "vitest";
import { ATTACHMENT_VERSION } from "../../../src/room/connections/attachment.ts";
import {
  CONTRACT_VERSION,
  JOIN_HEADER,
  encodeJoin,
  type JoinRequest,
} from "../../../src/protocol/contract.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { Inbox } from "../../support/inbox.ts";
import { evict, inRoom, infoOf, roomStub, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

/** Rewrites every attachment of a room as other code would have written it. */
function rewrite(room: string, change: (record: Record<string, unknown>) => unknown): Promise<void> {
  return inRoom(room, (state) => {
    for (const socket of state.getWebSockets()) {
      socket.serializeAttachment(change(socket.deserializeAttachment() as Record<string, unknown>));
    }
  });
}

/** The versions and send windows in the attachments of a room. */
function sendWindowsOf(room: string): Promise<unknown[]> {
  return inRoom(room, (state) =>
    state.getWebSockets().map((socket) => {
      const { v, lane: sendWindow } = socket.deserializeAttachment() as Record<string, unknown>;
      return { v, sendWindow };
    }),
  );
}

/** Joins with this request, as a Worker sends it. */
async function joinAs(room: string, request: JoinRequest): Promise<WebSocket> {
  const { webSocket } = await roomStub(room).fetch("https://room/", {
    headers: { Upgrade: "websocket", [JOIN_HEADER]: encodeJoin(request) },
  });
  if (webSocket === null) throw new Error("the room refused the join");
  onTestFinished(() => webSocket.close(1000));
  return webSocket;
}

async function joinRequest(room: string, changes: object): Promise<JoinRequest> {
  const key = randomKey();
  const identity = await deriveIdentity(room, "", key);
  return { v: CONTRACT_VERSION, ...identity, key, user: "", dialect: "json", mode: "list", ...changes };
}

describe("connections that outlive a deployment", () => {
  it("[V2] connections that newer code accepted are closed with upgrade, over any transport", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await rewrite(room, (record) => ({ ...record, v: ATTACHMENT_VERSION + 1 }));

    await evict(room);
    ana.send({ type: "publish", event: "e" });

    expect(await ana.closed).toMatchObject({ code: 4004 });
    expect(await bob.closed).toMatchObject({ code: 4004 });
    expect(await infoOf(room)).toMatchObject({ members: 0, position: expect.stringMatching(/:0$/) });
  });

  it("[V2 G4] a client that was closed with upgrade reconnects with its key and position", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1);
    await rewrite(room, (record) => ({ ...record, v: ATTACHMENT_VERSION + 1 }));
    await evict(room);
    await infoOf(room);
    await ana.closed;

    const again = await join(room, { key: ana.key, after: ana.position });

    expect(await again.welcome()).toMatchObject({ recovered: true, count: 1, member: ana.member });
  });

  it("[V2] connections that this code accepted continue after a deployment", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await rewrite(room, (record) => ({ ...record, aFieldOfLaterCode: true }));

    await evict(room);

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack", offset: 1 });
  });

  it("[V2 L6] connections of older code without send windows continue, and are counted from now on", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await rewrite(room, ({ lane: _lane, ...record }) => record);

    await evict(room);

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack", offset: 1 });
    expect(await bob.publish("e", 2)).toMatchObject({ type: "ack", offset: 2 });
    await bob.inbox.until(({ messages }) => messages.length === 2);
    expect(await sendWindowsOf(room)).toEqual(
      Array(2).fill({ v: 1, sendWindow: { sent: expect.any(Number) as number } }),
    );
    await evict(room);
    expect(await ana.publish("e", 3)).toMatchObject({ type: "ack", offset: 3 });
  });

  it.each([
    ["null", null],
    ["text", "x"],
    ["an object without a version", { session: "s" }],
  ])("[V2 G12] a socket whose attachment is %s is not a member", async (_what, attachment) => {
    const room = uniqueRoom();
    const ana = await join(room);
    await rewrite(room, () => attachment);

    await evict(room);
    ana.send({ type: "publish", event: "e" });

    expect(await infoOf(room)).toMatchObject({ members: 0, position: expect.stringMatching(/:0$/) });
  });
});

describe("the contract between Worker and room", () => {
  it("[V2 N3] a join with a newer contract is rejected, and creates nothing", async () => {
    const room = uniqueRoom();
    const header = encodeJoin(await joinRequest(room, { v: CONTRACT_VERSION + 1 }));

    const response = await roomStub(room).fetch("https://room/", {
      headers: { Upgrade: "websocket", [JOIN_HEADER]: header },
    });

    expect(response.webSocket).toBeNull();
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ type: "error", code: "unavailable" });
    expect(await tablesOf(room)).toEqual([]);
  });

  it("[V2 G2] an act with a newer contract is rejected, and has no effect", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const outcome = await roomStub(room).act({
      v: CONTRACT_VERSION + 1,
      session: ana.session,
      member: ana.member,
      user: "",
      body: '{"type":"publish","event":"e"}',
    });

    expect(outcome).toMatchObject({ refused: { code: "unavailable" }, results: [] });
    expect(await infoOf(room)).toMatchObject({ position: expect.stringMatching(/:0$/) });
  });

  it.each([
    ["json", (text: string) => text],
    ["bridge", (text: string) => text.slice(text.indexOf("\n") + 1)],
  ] as const)(
    "[V2 J1 A1] a join from a Worker with the first contract is accepted: dialect %s",
    async (dialect, frameOf) => {
      const room = uniqueRoom();
      const socket = await joinAs(room, await joinRequest(room, { dialect }));
      const inbox = new Inbox();
      socket.addEventListener("message", ({ data }) => inbox.receive(frameOf(String(data))));
      socket.accept();
      const { session, member } = await inbox.take("welcome");

      const outcome = await roomStub(room).act({
        ...{ v: 1, session, member, user: "" },
        body: '{"type":"publish","ref":1,"event":"e","data":1}',
      });

      expect(outcome).toEqual({ refused: null, results: [{ type: "ack", ref: 1, offset: 1 }] });
      expect(await inbox.take("message")).toMatchObject({ offset: 1, data: 1 });
      const page = (await roomStub(room).history({ limit: 5 })) as string; // A newer Worker names the reader.
      expect(JSON.parse(page)).toMatchObject({ messages: [{ offset: 1 }] });
      expect(inbox.all[0]).toMatchObject({ type: "welcome", state: {}, members: [{ id: member }] });
    },
  );

  it("[V1] the room ignores fields of a later contract", async () => {
    const room = uniqueRoom();
    const header = encodeJoin(await joinRequest(room, { aFieldOfLaterCode: { deep: [1] } }));

    const response = await roomStub(room).fetch("https://room/", {
      headers: { Upgrade: "websocket", [JOIN_HEADER]: header },
    });
    response.webSocket?.accept();

    expect(response.status).toBe(101);
    response.webSocket?.close(1000);
  });
});

describe("the protocol's version", () => {
  it("[V1 F2] a client of a later protocol version is served, and each of its newer items is rejected or ignored", async () => {
    const ana = await join(uniqueRoom(), { query: { later: "1" } });

    ana.send([
      { type: "later", ref: 1, set: {} },
      { type: "alsoLater" },
      { type: "publish", ref: 2, event: "e", laterField: true },
    ]);
    await ana.inbox.take("ack", ({ ref }) => ref === 2);

    expect((await ana.welcome()).protocol).toBe(1);
    expect(ana.inbox.all.filter(({ type }) => type === "error")).toMatchObject([
      { ref: 1, code: "unknown_type" },
      { code: "unknown_type" },
    ]);
  });
});
