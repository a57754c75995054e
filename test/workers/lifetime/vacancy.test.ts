import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { crash, evict, inRoom, infoOf, roomStub, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { join, rejoin } from "../support/websocket.ts";

/** This many clients join without a queue, one after the other. */
const JOIN_TURNS = 20;

const TTL_MS = OPTIONS.emptyRoomTtlMs.default;

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Moves time to the room's next alarm and runs it. An expired room ends its object, which rejects the call. */
async function passToAlarm(room: string): Promise<void> {
  const at = await alarmOf(room);
  if (at === null) throw new Error("no alarm is set");
  vi.setSystemTime(Math.max(at, Date.now()));
  await runDurableObjectAlarm(roomStub(room) as DurableObjectStub).catch((error: unknown) => {
    if (!String(error).includes("expired")) throw error;
  });
}

/** A room that its only member has left. */
async function emptied(): Promise<{ room: string; position: string; since: number }> {
  const room = uniqueRoom();
  const ana = await join(room);
  await ana.publish("chat", "hello");
  const { position } = ana;
  ana.send({ type: "leave" });
  await ana.closed;
  return { room, position, since: Date.now() };
}

describe("an empty room", () => {
  it.each([
    ["awake", async () => undefined],
    ["after a hibernation", (room: string) => evict(room)],
    ["after a crash", () => crash()],
  ])(
    "[N4 G11] an empty room deletes everything it has stored when its time is over: %s",
    async (_how, between) => {
      const { room, position, since } = await emptied();
      await between(room);
      expect(await infoOf(room)).toMatchObject({ members: 0, position });

      while ((await tablesOf(room)).length > 0) await passToAlarm(room);

      expect(Date.now() - since).toBe(TTL_MS);
      expect(await alarmOf(room)).toBeNull();
      expect(await infoOf(room)).toMatchObject({ members: 0, position: null });
    },
  );

  it("[N4 P5 G4] a client that reconnects to an expired room finds a new log with new offsets, and its welcome reports that", async () => {
    const { room, position } = await emptied();
    while ((await tablesOf(room)).length > 0) await passToAlarm(room);

    const back = await join(room, { after: position });

    expect(await back.welcome()).toMatchObject({ recovered: false, reason: "epoch", count: 1 });
    expect(await back.publish("chat", "again")).toMatchObject({ offset: 1 });
  });

  it("[N4 G6] a room does not expire while it has a member, and its time restarts when the last member leaves", async () => {
    const { room, position, since } = await emptied();
    vi.setSystemTime(since + TTL_MS - 1);
    const ana = await join(room, { after: position });
    vi.setSystemTime(since + TTL_MS);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    expect(await ana.publish("chat", "still here")).toMatchObject({ offset: 2 });
    ana.send({ type: "leave" });
    await ana.closed;

    const left = Date.now();
    while ((await tablesOf(room)).length > 0) await passToAlarm(room);

    expect(Date.now() - left).toBe(TTL_MS);
  });

  it.each([
    ["awake", async () => undefined],
    ["after a hibernation", (room: string) => evict(room)],
  ])(
    "[N4 J10] a room does not expire while a client watches, and its time begins when the last one disconnects: %s",
    async (_how, between) => {
      const { room, since } = await emptied();
      const watch = await join(room, { query: { view: "1" } });
      await between(room);
      vi.setSystemTime(since + 2 * TTL_MS);
      watch.ping();
      await watch.inbox.take("pong");
      await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
      expect(await tablesOf(room)).not.toEqual([]);
      watch.close(1000);
      await watch.closed;

      const left = Date.now();
      while ((await tablesOf(room)).length > 0) await passToAlarm(room);

      expect(Date.now() - left).toBe(TTL_MS);
    },
  );

  it("[N4 G6 G9] a room whose last member does not reconnect after a crash expires", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    await ana.publish("chat", "hello");
    await crash();

    for (let alarms = 0; (await tablesOf(room)).length > 0; alarms++) {
      expect(alarms).toBeLessThan(10);
      await passToAlarm(room);
    }

    expect(await alarmOf(room)).toBeNull();
    const back = await rejoin(room, ana);
    expect(await back.welcome()).toMatchObject({ recovered: false, reason: "epoch" });
  });

  it("[N4 G6 G9] a room without grace expires after a crash has disconnected everyone at once", async () => {
    const room = uniqueRoom();
    await join(room);
    await crash();

    expect(await infoOf(room)).toMatchObject({ members: 0 });

    expect(await alarmOf(room)).toBe(Date.now() + TTL_MS);
  });

  it("[N4 G6] an empty room that a client of the join queue joins is not counted as empty any more, although its next flush is delayed", async () => {
    const { room } = await emptied();
    const start = Date.now();
    const ana = await join(room);
    for (let n = 0; n < JOIN_TURNS; n++) (await join(room)).close(1000);
    vi.setSystemTime(start + 20);
    ana.send({ type: "leave" }); // The reply delays the next flush.
    await ana.closed;
    vi.setSystemTime(start); // No turn is free for a further join yet.
    await join(room, { query: { view: "1" } });

    vi.setSystemTime(start + TTL_MS);
    await crash();
    await infoOf(room);

    expect(await alarmOf(room)).toBe(start + 2 * TTL_MS);
  });

  it("[N4 N3] a room that was never joined sets no alarm", async () => {
    const room = uniqueRoom();
    await infoOf(room);

    expect(await alarmOf(room)).toBeNull();
  });
});
