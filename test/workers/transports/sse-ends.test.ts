import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openBridge, read } from "../support/bridge.ts";
import { publishBig } from "../support/reader.ts";
import { inRoom, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

describe("the end of a stream", () => {
  it("[S4 S5] a stream ends after its maximum age with a close that allows to reconnect", async () => {
    const { reader, closed } = openBridge({ sseMaxAgeMs: 12 });
    vi.setSystemTime(Date.now() + 12);

    const stream = await read(reader);

    expect(stream.inbox.all.at(-1)).toEqual({ type: "close", code: 4006, reason: expect.any(String) });
    expect(await closed).toBe(4006);
  });

  it.each([
    ["frames", { SSE_MAX_FRAMES: "10" }, 9], // the tenth is the welcome
    ["bytes", { SSE_MAX_BYTES: "65536" }, 4],
  ])(
    "[S4 S5 G4] a stream that reaches its maximum of %s ends in order, and its reader resumes",
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

  it("[S4 G4] a reader that reconnects after a long time receives all missed messages, also if they exceed the window", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const start = ana.position;
    await publishBig(ana, 10);

    const bob = await joinSse(room, { after: start });
    await bob.inbox.take("position");
    await ana.publish("live", 1);
    await bob.inbox.take("message", ({ event }) => event === "live");

    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[S4 G4 G12] a reader receives all missed messages whatever presence data the members have", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room, { query: { presence: `${"[".repeat(64)}${"]".repeat(64)}` } });
    const start = ana.position;
    await publishBig(ana, 10);

    const bob = await joinSse(room, { after: start });
    await bob.inbox.take("position");

    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[S5 S6] a member that leaves receives a close after which it must not retry, with the id ~closed", async () => {
    const bob = await joinSse(uniqueRoom());

    expect((await bob.post({ type: "leave" })).body).toEqual({ type: "ack" });
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4507 });
    expect(bob.stream.lastEventId).toBe("~closed");
  });

  it("[S5 S6 J5] a replaced stream ends with a close after which the client must not retry", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    await joinSse(room, { key: bob.key });
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4504 });
    expect(bob.stream.lastEventId).toBe("~closed");
  });

  it("[S5 S2] a close that allows to reconnect keeps the position as the last id", async () => {
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

  it("[S6] a request with the last id ~closed receives 403 in every room", async () => {
    for (const room of [uniqueRoom(), "nope:room"]) {
      const bob = await openEvents(room, { lastEventId: "~closed" });

      expect(bob.response.status).toBe(403);
      expect(bob.response.headers.get("Content-Type")).toContain("application/json");
    }
  });
});
