import { describe, expect, it } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import type { AttachedSendWindow } from "../../../src/room/connections/attachment.ts";
import { evict, inRoom, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, joinWebSocket, rejoin, type WebSocketMember } from "../support/websocket.ts";

const BINARY = { as: "proto" } as const;
const TEXT = { as: "json" } as const;

/** Bytes, and their base64 text. */
const BYTES = "AAEC/v8=";

/** The payload of a message. */
function carried({ data, bytes }: MessageFrame): unknown {
  return bytes === undefined ? data : { bytes };
}

describe("the subprotocol", () => {
  it.each([
    ["alone", ["parlor.v1.proto"], "parlor.v1.proto"],
    ["before parlor.v1", ["parlor.v1.proto", "parlor.v1"], "parlor.v1.proto"],
    ["after parlor.v1", ["parlor.v1", "parlor.v1.proto"], "parlor.v1"],
    ["after unknown ones", ["mqtt", "parlor.v2", "parlor.v1.proto"], "parlor.v1.proto"],
  ])(
    "[B1 J2] the server selects the first subprotocol that it supports: parlor.v1.proto %s",
    async (_what, protocols, answer) => {
      const ana = await join(uniqueRoom(), { protocols, as: "json" });

      expect(ana.protocol).toBe(answer);
      // The helper fails a client that is sent another dialect than its own.
      expect(await ana.publish("e", 1)).toMatchObject({ type: "ack", offset: 1 });
    },
  );

  it.each([
    ["bad_room", 4500, "a b", {}],
    ["bad_key", 4500, "a", { key: "x" }],
    ["presence_too_large", 4500, "a", { presence: JSON.stringify("x".repeat(1_023)) }],
  ])("[B1 J8] a rejected join is reported in the binary dialect: %s", async (code, close, room, query) => {
    const ana = await joinWebSocket(room, { query, ...BINARY });

    expect(await ana.closed).toMatchObject({ code: close });
    expect(ana.inbox.all).toMatchObject([{ type: "error", code, message: expect.any(String) }]);
    expect(ana.inbox.lengths[0]).toBeLessThan(ana.inbox.texts[0]?.length ?? 0);
  });
});

describe("frames", () => {
  it("[B2 F1 F7] a binary connection may send text frames too, and its ping is answered in text", async () => {
    const ana = await join(uniqueRoom(), BINARY);

    ana.ping();
    await ana.inbox.take("pong");
    expect(ana.inbox.texts.at(-1)).toBe('{"type":"pong"}');
    expect(ana.inbox.lengths.at(-1)).toBe(15);

    expect(await ana.ask('{"type":"publish","ref":1,"event":"e"}')).toEqual({
      type: "ack",
      ref: 1,
      offset: 1,
    });
    expect(await ana.ask("{")).toMatchObject({ type: "error", code: "bad_frame" });
  });

  it.each([
    ["invalid Protobuf", [0xff, 0xff], "bad_frame"],
    ["JSON", [0x7b, 0x7d], "bad_frame"],
    ["no bytes", [], "bad_frame"],
    ["an item without an act", [0x0a, 0x00], "unknown_type"],
    ["an unknown act", [0x0a, 0x03, 0x92, 0x03, 0x00], "unknown_type"],
  ])(
    "[B5 F2] a binary frame with %s is rejected, and the connection stays open",
    async (_what, bytes, code) => {
      const ana = await join(uniqueRoom(), BINARY);

      expect(await ana.ask(Uint8Array.from(bytes).buffer)).toMatchObject({ type: "error", code });
      expect(await ana.publish("e", 1)).toMatchObject({ type: "ack", offset: 1 });
    },
  );

  it("[B3 B4 F4] items that are sent together share one frame, and messages share one item", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room, BINARY), await join(room, BINARY)];
    const items = Array.from({ length: 64 }, (_, index) => ({
      type: "publish",
      event: "m",
      data: { x: index },
    }));

    ana.send(items);
    await bob.inbox.until(({ messages }) => messages.length === 64);

    expect(bob.inbox.messages.map(({ data }) => data)).toEqual(items.map(({ data }) => data));
    expect(bob.inbox.lengths.at(-1)).toBeLessThan(64 * 15);
  });
});

describe("raw bytes", () => {
  it.each([
    ["a number", { bytes: 1 }],
    ["not base64", { bytes: "A" }],
    ["base64url", { bytes: "AAEC_v8=" }],
    ["without padding", { bytes: "AAEC/v8" }],
    ["combined with data", { bytes: BYTES, data: 1 }],
    ["combined with data that is null", { bytes: BYTES, data: null }],
  ])("[A10] a publish with bytes that are %s is rejected with bad_frame", async (_what, fields) => {
    const ana = await join(uniqueRoom(), TEXT);

    expect(await ana.ask({ type: "publish", ref: 1, event: "e", ...fields })).toMatchObject({
      ...{ type: "error", code: "bad_frame", ref: 1, message: expect.stringContaining("bytes") },
    });
  });

  it("[B6 A10 G1 G5] bytes sent over any transport reach all members unchanged and in the same order", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room, BINARY), await join(room, TEXT)];
    const cem = await joinSse(room);
    const everyone = [ana, bob, cem];

    for (const each of everyone) {
      expect(await each.act({ type: "publish", event: "b", bytes: BYTES })).toMatchObject({ type: "ack" });
      expect(await each.publish("d", { by: each.member })).toMatchObject({ type: "ack" });
    }
    ana.send({ type: "publish", event: "v", bytes: BYTES, volatile: true });

    for (const each of everyone) {
      const last = await each.inbox.take("message", ({ event }) => event === "v");
      expect(carried(last)).toEqual({ bytes: BYTES });
      expect(each.inbox.messages.map(carried)).toEqual(
        everyone.flatMap(({ member }) => [{ bytes: BYTES }, { by: member }]),
      );
    }
    const plain = ({ inbox }: (typeof everyone)[number]): unknown => inbox.messages;
    expect(plain(ana)).toEqual(plain(bob));
    expect(plain(cem)).toEqual(plain(bob));
  });

  it("[B6 A8 G4 H5] bytes are part of the replay and of history", async () => {
    const room = uniqueRoom();
    const ana = await join(room, BINARY);
    await ana.act({ type: "publish", event: "b", bytes: BYTES });
    await ana.publish("d", 1);
    await ana.act({ type: "publish", event: "b", bytes: "" });
    const wanted = [{ bytes: BYTES }, 1, { bytes: "" }];

    for (const how of [BINARY, TEXT]) {
      const bob = await join(room, { query: { rewind: "9" }, ...how });
      await bob.inbox.take("position");
      expect(bob.inbox.messages.map(carried)).toEqual(wanted);
      bob.send({ type: "history", ref: 1 });
      const { messages } = await bob.inbox.take("history");
      expect(messages.map(carried)).toEqual(wanted);
    }
    const answer = await request(roomPath(room, "/history"));
    expect(((await answer.json()) as { messages: MessageFrame[] }).messages.map(carried)).toEqual(wanted);
  });

  it("[B6 A3 G3] a publish that is repeated in another dialect is stored once", async () => {
    const room = uniqueRoom();
    const ana = await join(room, BINARY);
    const act = { type: "publish", event: "b", bytes: BYTES };
    expect(await ana.act(act, 7)).toMatchObject({ type: "ack", offset: 1 });

    const again = await rejoin(room, ana, TEXT);

    expect(await again.act(act, 7)).toMatchObject({ type: "ack", offset: 1 });
    expect((await post(room, again, { ...act, ref: 7 })).body).toMatchObject({ type: "ack", offset: 1 });
  });
});

describe("limits and windows", () => {
  it("[B7 F3] the size of a binary frame is its number of bytes", async () => {
    const ana = await join(uniqueRoom(), BINARY);
    const max = OPTIONS.maxFrameBytes.default;
    const bytesOf = (length: number): string => btoa("x".repeat(length));

    // In JSON or base64, the frame would be too large.
    expect(await ana.act({ type: "publish", event: "b", bytes: bytesOf(max - 64) })).toMatchObject({
      type: "ack",
    });
    ana.send(new ArrayBuffer(max + 1));
    expect(await ana.inbox.take("error")).toMatchObject({ code: "frame_too_large", limit: "maxFrameBytes" });
  });

  it("[B7 L5] a binary connection counts sent data in bytes, and its client reports bytes", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: { flow: "1" }, ...BINARY });
    await ana.publish("e", "中".repeat(1_000));
    const bytes = ana.inbox.lengths.reduce((sum, length) => sum + length, 0);
    expect(bytes).toBeGreaterThan(3_000);

    ana.send({ type: "seen", chars: bytes });
    await ana.act({ type: "presence", data: 1 });

    const { lane: sendWindow } = await attachmentOf(room, ana);
    expect(sendWindow.seen).toBe(bytes);
    expect(sendWindow.sent).toBe(ana.inbox.lengths.reduce((sum, length) => sum + length, 0));
  });
});

describe("hibernations, and other versions of the code", () => {
  it("[B1 G6] a connection keeps its binary dialect after a hibernation of the room", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room, BINARY), await join(room, TEXT)];

    await evict(room);
    expect(await ana.act({ type: "publish", event: "b", bytes: BYTES })).toMatchObject({ offset: 1 });
    await evict(room);
    expect(await bob.publish("d", 1)).toMatchObject({ offset: 2 });

    await ana.inbox.until(({ messages }) => messages.length === 2);
    expect(ana.inbox.messages).toEqual(bob.inbox.messages);
    expect(ana.inbox.messages.map(carried)).toEqual([{ bytes: BYTES }, 1]);
  });

  it("[V2 B1] attachments of binary connections have a newer version, so that older code closes only these", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room, BINARY), await join(room, TEXT)];

    expect(await attachmentOf(room, ana)).toMatchObject({ v: 2, dialect: "proto" });
    expect(await attachmentOf(room, bob)).toMatchObject({ v: 1, dialect: "json" });
    expect(await tablesOf(room)).not.toEqual([]);
  });
});

/** The attachment of a member's socket. */
async function attachmentOf(
  room: string,
  { member }: WebSocketMember,
): Promise<{ readonly v: number; readonly lane: AttachedSendWindow }> {
  const found = await inRoom(room, (state) =>
    state
      .getWebSockets()
      .map(
        (socket) =>
          socket.deserializeAttachment() as { v: number; member?: string; lane: AttachedSendWindow },
      )
      .find((attached) => attached.member === member),
  );
  if (found === undefined) throw new Error("it is not connected");
  return found;
}
