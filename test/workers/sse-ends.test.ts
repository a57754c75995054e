import { describe, expect, it } from "vitest";
import { randomKey } from "../../src/protocol/ids.ts";
import { EventStream } from "../support/event-stream.ts";
import { openBridge, read, readInto } from "./support/bridge.ts";
import { inRoom, uniqueRoom } from "./support/rooms.ts";
import { serverWith } from "./support/servers.ts";
import { joinSse, openEvents } from "./support/sse.ts";
import { join } from "./support/websocket.ts";

describe("ends", () => {
  it("[S4 S5] a stream ends after its time with a close that says to come back", async () => {
    const { reader, closed } = openBridge({ sseMaxAgeMs: 12 });

    const stream = await read(reader);

    expect(stream.inbox.all.at(-1)).toEqual({ type: "close", code: 4006, reason: expect.any(String) });
    expect(await closed).toBe(4006);
  });

  it.each([
    ["frames", { SSE_MAX_FRAMES: "10" }, 9], // and the welcome
    ["bytes", { SSE_MAX_BYTES: "65536" }, 4],
  ])(
    "[S4 S5 G4] a stream that carried its share of %s ends in order, and its reader resumes",
    async (_what, bounds, carried) => {
      const room = uniqueRoom();
      const ana = await join(room);
      const bob = await joinSse(room, { to: serverWith(bounds) });
      const count = 12;
      for (let ref = 1; ref <= count; ref++) await ana.publish("e", "x".repeat(20_000), { ref });
      await bob.ended;

      const again = await joinSse(room, { key: bob.key, lastEventId: bob.stream.lastEventId });
      await again.inbox.take("position");

      expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4006 });
      expect(bob.inbox.messages).toHaveLength(carried);
      expect([...bob.inbox.messages, ...again.inbox.messages].map(({ offset }) => offset)).toEqual(
        Array.from({ length: count }, (_, index) => index + 1),
      );
    },
  );

  it("[S4 G7 G11] a reader that leaves too much unread is cut off, and what it left is given back", async () => {
    const { room, closed } = openBridge({ sseMaxQueuedBytes: 10_000 });

    for (let n = 1; n <= 20; n++) room.send(`epoch:${n}\n${JSON.stringify("x".repeat(1_000))}`);

    expect(await closed).toBeLessThan(4500);
  });

  it("[S4 G4 G7] a reader that was cut off resumes from what it has read, and misses nothing", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const ana = await join(room);
    const server = serverWith({ SSE_MAX_QUEUED_BYTES: "65536" });
    const response = await server(
      new Request(`https://x/rooms/${room}/events?key=${key}&after=${ana.position}`),
    );
    for (let ref = 1; ref <= 6; ref++) await ana.publish("e", "x".repeat(20_000), { ref });
    await ana.inbox.take("presence", (frame) => frame.left !== undefined);

    const stream = new EventStream();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await readInto(stream, reader).catch(() => undefined); // cut off: the stream breaks, as a connection does
    const after = stream.lastEventId === "" ? ana.position.replace(/:\d+$/, ":0") : stream.lastEventId;
    const again = await joinSse(room, { key, after });
    await again.inbox.take("position");

    expect([...stream.inbox.messages, ...again.inbox.messages]).toEqual(ana.inbox.messages);
  });

  it("[S4 G4] a reader that returns after long is given it all, however little may be left unread", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    for (let ref = 1; ref <= 10; ref++) await ana.publish("e", "x".repeat(20_000), { ref });

    const bob = await joinSse(room, { after: start, to: serverWith({ SSE_MAX_QUEUED_BYTES: "65536" }) });
    await bob.inbox.take("position");
    await ana.publish("live", 1, { ref: 11 });
    await bob.inbox.take("message", ({ event }) => event === "live");

    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[S4 G4 G12] so it is whatever the members say of themselves", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: { presence: `${"[".repeat(64)}${"]".repeat(64)}` } });
    const start = ana.position;
    for (let ref = 1; ref <= 10; ref++) await ana.publish("e", "x".repeat(20_000), { ref });

    const bob = await joinSse(room, { after: start, to: serverWith({ SSE_MAX_QUEUED_BYTES: "65536" }) });
    await bob.inbox.take("position");

    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[S4 G7] what a returning reader was allowed does not stay allowed", async () => {
    const { room, reader, closed } = openBridge({ sseMaxQueuedBytes: 10_000 });
    const send = (position: string, frame: object): void =>
      room.send(`${position}\n${JSON.stringify(frame)}`);
    send("e:0", { type: "welcome", position: "e:0", head: "e:9" });
    send("e:9", [{ type: "message", offset: 9, data: "x".repeat(50_000) }]);
    send("e:9", { type: "position", position: "e:9" });
    await read(reader, ({ inbox }) => inbox.all.length === 3);

    send("e:10", { type: "message", offset: 10, data: "x".repeat(15_000) });
    const outcome = read(reader, ({ inbox }) => inbox.all.length > 0).then(() => "carried on");

    expect(await outcome.catch(() => "cut off")).toBe("cut off");
    expect(await closed).toBeLessThan(4500);
  });

  it("[S5 S6] who leaves reads a close that says to stay away, with the id ~closed", async () => {
    const bob = await joinSse(uniqueRoom());

    expect((await bob.post({ type: "leave" })).body).toEqual({ type: "ack" });
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4507 });
    expect(bob.stream.lastEventId).toBe("~closed");
  });

  it("[S5 S6 J5] a replaced stream ends with a close that says to stay away", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    await joinSse(room, { key: bob.key });
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4504 });
    expect(bob.stream.lastEventId).toBe("~closed");
  });

  it("[S5 S2] a close that says to come back leaves the position as the id", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    const { position } = bob;
    await inRoom(room, (state) =>
      state.getWebSockets().forEach((socket) => socket.close(4000, "the room restarts")),
    );
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toEqual({ type: "close", code: 4000, reason: "the room restarts" });
    expect(bob.stream.lastEventId).toBe(position);
  });

  it("[S6] a request that brings ~closed is answered 403, whatever its room", async () => {
    for (const room of [uniqueRoom(), "nope:room"]) {
      const bob = await openEvents(room, { lastEventId: "~closed" });

      expect(bob.response.status).toBe(403);
      expect(bob.response.headers.get("Content-Type")).toContain("application/json");
    }
  });
});
