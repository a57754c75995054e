import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { oneTo, pass, publishBig, Reader, WINDOW } from "../support/reader.ts";
import { evict, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

const SLOW_MS = OPTIONS.slowTimeoutMs.default;

/** Deadlines are combined into slots of this length. */
const SLOT_MS = 15_000;

/** When the room's alarm fires; `null` if it is not set. */
function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Moves time to the room's alarm and runs it, until a connection ends. Returns the time that passed. */
async function passUntilClosed(room: string, { member }: Reader): Promise<number> {
  const since = Date.now();
  let isClosed = false;
  void member.closed.then(() => (isClosed = true));
  while (!isClosed && Date.now() - since < 10 * SLOW_MS) {
    const at = await alarmOf(room);
    if (at === null) throw new Error("no alarm is set");
    pass(Math.max(0, at - Date.now()));
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    await infoOf(room); // The close has been announced by then.
  }
  return Date.now() - since;
}

/** A room where a member has stopped reading, with more messages than fit its window. */
async function stall(room = uniqueRoom()): Promise<Reader> {
  const ana = await join(room);
  const bob = await Reader.join(room);
  await publishBig(ana, 8);
  await bob.settled();
  return bob;
}

describe("a member whose window is full and that reads nothing", () => {
  it.each([
    ["awake", () => Promise.resolve()],
    ["asleep", evict],
  ])(
    "[L5 G7 G11] the alarm closes a stalled member with slow after slowTimeoutMs, in a room that is %s",
    async (_how, before) => {
      const room = uniqueRoom();
      const bob = await stall(room);
      const fullAt = Date.now() - 3_000; // The fifth message did not fit, and three more followed.
      await before(room);

      await passUntilClosed(room, bob);

      expect(await bob.member.closed).toEqual({ code: 4003, reason: expect.any(String) as string });
      expect(Date.now() - fullAt).toBeGreaterThanOrEqual(SLOW_MS);
      expect(Date.now() - fullAt).toBeLessThanOrEqual(SLOW_MS + SLOT_MS);
    },
  );

  it("[L5 L4] a stalled member is closed with slow although it sends pings", async () => {
    const room = uniqueRoom();
    const bob = await stall(room);
    bob.member.ping();
    await bob.inbox.take("pong");

    await passUntilClosed(room, bob);

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
  });

  it("[L5 G4 P4] a stalled member that reconnects with its position receives the remaining messages once and in order", async () => {
    const room = uniqueRoom();
    const bob = await stall(room);
    await passUntilClosed(room, bob);

    const back = await bob.rejoin();
    await back.catchUp();

    expect(await back.member.welcome()).toMatchObject({ recovered: true });
    expect([...bob.offsets, ...back.offsets]).toEqual(oneTo(8));
  });

  it("[L5 M4 G9] a stalled member stays a member for its grace, and leaves after it unless it reconnects", async () => {
    const room = uniqueRoom("chat");
    const bob = await stall(room);

    await passUntilClosed(room, bob);

    expect(await infoOf(room)).toMatchObject({ members: 2 });
    pass(OPTIONS.graceMs.default * 3 + SLOT_MS);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[L5] a member that does not read its replay is closed with slow as well", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    await publishBig(ana, 8);
    const bob = await Reader.join(room, { query: { rewind: "100" } });
    await bob.settled();

    const waitedMs = await passUntilClosed(room, bob);

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(waitedMs).toBeGreaterThanOrEqual(SLOW_MS);
    expect(waitedMs).toBeLessThanOrEqual(SLOW_MS + SLOT_MS);
  });

  it("[L5] each report of progress restarts the timeout of a stalled member, and a repeated report does not", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 20);
    for (let read = 1; read <= 4; read++) {
      pass(SLOW_MS - 1_000);
      await bob.report((WINDOW / 4) * read);
      if (((await alarmOf(room)) ?? Infinity) <= Date.now())
        await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    }
    const lastReadAt = Date.now();

    pass(SLOW_MS / 2);
    await bob.report(WINDOW);
    await passUntilClosed(room, bob);

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(Date.now() - lastReadAt).toBeGreaterThanOrEqual(SLOW_MS);
    expect(Date.now() - lastReadAt).toBeLessThanOrEqual(SLOW_MS + SLOT_MS);
  });

  it("[L5 G11] a member that does not read stays connected while there is nothing more to send, and sets no alarm", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    const before = await alarmOf(room);
    await publishBig(ana, 4);

    expect((await bob.settled()).behind).toBeUndefined();
    expect(await alarmOf(room)).toBe(before);
  });

  it("[L5 J10] a stalled connection that only watches is closed with slow, and resumes from its position", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room, { query: { view: "1" } });
    await publishBig(ana, 8);
    await bob.settled();

    await passUntilClosed(room, bob);
    const back = await bob.rejoin({ query: { view: "1" } });
    await back.catchUp();

    expect([...bob.offsets, ...back.offsets]).toEqual(oneTo(8));
  });
});

describe("a member that reads again too late", () => {
  it("[L5 P5 G4] a member whose missed messages were trimmed is closed with slow, and its next welcome reports the gap", async () => {
    const room = uniqueRoom("small"); // It keeps ten messages, and its window has 64 Ki.
    const ana = await Reader.join(room, { isTestKind: true });
    const bob = await Reader.join(room, { isTestKind: true });
    for (let n = 0; n < 20; n++) {
      await publishBig(ana.member, 1, 16_000);
      await ana.report();
    }
    await bob.settled();

    bob.member.send({ type: "seen", chars: bob.chars });
    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    const back = await bob.rejoin();

    expect(bob.offsets).toEqual(oneTo(4));
    expect(await back.member.welcome()).toMatchObject({ recovered: false, reason: "trimmed" });
    await ana.member.publish("e", 1);
    expect(await back.inbox.take("message")).toMatchObject({ offset: 21 });
  });

  it.each([
    ["before the next message", 0],
    ["after twelve more messages", 12],
  ])(
    "[L5 P5 W3 G4] a stalled member of a log in memory that was lost is closed with slow, and its next welcome reports the new log: %s",
    async (_when, spoken) => {
      const room = uniqueRoom("memory");
      const inside = kindsRoom(room);
      const ana = await join(room, { to: serveKinds });
      const bob = await Reader.join(room, { isTestKind: true });
      await publishBig(ana, 8);
      await bob.settled();
      await inside.evict();
      for (let n = 0; n < spoken; n++) await ana.publish("e", n);

      if (spoken === 0) bob.member.send({ type: "seen", chars: bob.chars });
      expect(await bob.member.closed).toMatchObject({ code: 4003 });
      const back = await bob.rejoin();

      expect(bob.offsets).toEqual(oneTo(4));
      expect(await back.member.welcome()).toMatchObject({ recovered: false, reason: "epoch" });
    },
  );

  it("[L5 W1 P5 G4] a member that reads too late in a room without history is closed with slow, and its next welcome reports the gap", async () => {
    const room = uniqueRoom("none");
    const ana = await join(room, { to: serveKinds });
    const bob = await Reader.join(room, { isTestKind: true });
    await publishBig(ana, 8);
    await bob.settled();

    bob.member.send({ type: "seen", chars: bob.chars });
    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    const back = await bob.rejoin();

    expect(bob.offsets).toEqual(oneTo(4));
    expect(await back.member.welcome()).toMatchObject({ recovered: false, reason: "trimmed" });
  });
});
