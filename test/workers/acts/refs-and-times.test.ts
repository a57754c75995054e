import { afterEach, describe, expect, it, vi } from "vitest";
import { evict, inRoom, roomStub, uniqueRoom, wasAwake } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

describe("refs, times and pings", () => {
  it.each([1, 9_007_199_254_740_991])("[F5] the ack contains the ref %i", async (ref) => {
    expect(await (await join(uniqueRoom())).publish("e", 1, { ref })).toEqual({
      type: "ack",
      ref,
      offset: 1,
    });
  });

  it.each([0, -1, 1.5, 9_007_199_254_740_992, "1", null, true, [1]])(
    "[F5] the ref %j is bad_frame",
    async (ref) => {
      const ana = await join(uniqueRoom());

      expect(await ana.ask({ type: "publish", ref, event: "e" })).toMatchObject({ code: "bad_frame" });
    },
  );

  it("[F5] over a socket, an act without a ref gets no ack, but gets an error", async () => {
    const ana = await join(uniqueRoom());

    ana.send([{ type: "publish", event: "e" }, { type: "presence", data: 1 }, { type: "publish" }]);
    const error = await ana.inbox.take("error");

    expect(error).not.toHaveProperty("ref");
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message", "error"]);
  });

  it("[F6] times follow the clock, and do not go back when it is set back", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = Date.now();

    for (const at of [start + 5_000, start, start - 3_600_000, start + 5_001]) {
      vi.setSystemTime(at);
      await ana.publish("e", at);
      ana.send({ type: "publish", event: "v", volatile: true });
      await ana.inbox.take("message", ({ event }) => event === "v");
    }
    const late = await join(room);

    const times = ana.inbox.all.flatMap((frame) => (frame.type === "message" ? [frame.time - start] : []));
    expect(times).toEqual([5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_001, 5_001]);
    expect((await late.welcome()).time).toBe(start + 5_001);
  });

  it("[F6 G6] after a sleep, no time is earlier than that of a recorded message", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = Date.now();
    vi.setSystemTime(start + 60_000);
    await ana.publish("e", 1);

    await evict(room);
    vi.setSystemTime(start);
    ana.send({ type: "publish", event: "v", volatile: true });
    const volatile = await ana.inbox.take("message", ({ event }) => event === "v");
    await ana.publish("e", 2);
    await evict(room);
    const bob = await join(room);

    expect(ana.inbox.messages.map(({ time }) => time - start)).toEqual([60_000, 60_000]);
    expect(volatile.time - start).toBe(60_000);
    expect((await bob.welcome()).time - start).toBe(60_000);
  });

  it("[F7 G11] pings get a pong while the room sleeps, and do not wake it", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await evict(room);

    for (let n = 0; n < 3; n++) {
      ana.ping();
      expect(await ana.inbox.take("pong")).toEqual({ type: "pong" });
    }

    expect(ana.inbox.texts.at(-1)).toBe('{"type":"pong"}');
    expect(await wasAwake(room)).toBe(false);
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[G11] an idle room has only the reaper's alarm, at least a minute ahead, and none once it is empty", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await joinSse(room);
    const alarm = await inRoom(room, ({ storage }) => storage.getAlarm());

    bob.vanish();
    ana.close(1000);
    await ana.closed;
    vi.setSystemTime(Date.now() + 600_000);
    await inRoom(room, async ({ storage }) => storage.deleteAlarm());
    await roomStub(room).info();

    expect((alarm ?? 0) - Date.now() + 600_000).toBeGreaterThan(60_000);
    expect(await inRoom(room, ({ storage }) => storage.getAlarm())).toBeNull();
  });
});
