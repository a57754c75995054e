import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { oneTo, pass, publishBig, Reader, WINDOW } from "../support/reader.ts";
import { evict, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

const SLOW_MS = OPTIONS.slowTimeoutMs.default;

/** Deadlines are gathered into slots of this length. */
const SLOT_MS = 15_000;

/** When the room's alarm comes; `null` for never. */
function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Moves time to the room's alarm and runs it, as often as it takes for a connection to end. Returns how long that was. */
async function passUntilClosed(room: string, { member }: Reader): Promise<number> {
  const since = Date.now();
  let isClosed = false;
  void member.closed.then(() => (isClosed = true));
  while (!isClosed && Date.now() - since < 10 * SLOW_MS) {
    const at = await alarmOf(room);
    if (at === null) throw new Error("no alarm is set");
    pass(Math.max(0, at - Date.now()));
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    await infoOf(room); // what was closed is told by then
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
    "[L5 G7 G11] is closed slow by the alarm after slowTimeoutMs, in a room that is %s",
    async (_how, before) => {
      const room = uniqueRoom();
      const bob = await stall(room);
      const fullAt = Date.now() - 3_000; // the fifth message did not fit, and three more came
      await before(room);

      await passUntilClosed(room, bob);

      expect(await bob.member.closed).toEqual({ code: 4003, reason: expect.any(String) as string });
      expect(Date.now() - fullAt).toBeGreaterThanOrEqual(SLOW_MS);
      expect(Date.now() - fullAt).toBeLessThanOrEqual(SLOW_MS + SLOT_MS);
    },
  );

  it("[L5 L4] is closed slow though it pings", async () => {
    const room = uniqueRoom();
    const bob = await stall(room);
    bob.member.ping();
    await bob.inbox.take("pong");

    await passUntilClosed(room, bob);

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
  });

  it("[L5 G4 P4] comes back by its position and has the rest, in order and once", async () => {
    const room = uniqueRoom();
    const bob = await stall(room);
    await passUntilClosed(room, bob);

    const back = await bob.rejoin();
    await back.catchUp();

    expect(await back.member.welcome()).toMatchObject({ recovered: true });
    expect([...bob.offsets, ...back.offsets]).toEqual(oneTo(8));
  });

  it("[L5 M4 G9] stays a member for its grace, and departs after it where it does not come back", async () => {
    const room = uniqueRoom("chat");
    const bob = await stall(room);

    await passUntilClosed(room, bob);

    expect(await infoOf(room)).toMatchObject({ members: 2 });
    pass(OPTIONS.graceMs.default * 3 + SLOT_MS);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[L5] is closed slow as well when it fell behind with what it missed before it came", async () => {
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

  it("[L5] has its time anew with all it reads, and with nothing that it says again", async () => {
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

  it("[L5 G11] is let be while nothing more is to be sent, and no alarm comes for it", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    const before = await alarmOf(room);
    await publishBig(ana, 4);

    expect((await bob.settled()).behind).toBeUndefined();
    expect(await alarmOf(room)).toBe(before);
  });

  it("[L5 J10] is closed slow too if it only watches, and comes back by its position", async () => {
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
  it("[L5 P5 G4] for what was trimmed meanwhile is closed slow, and is told so when it comes back", async () => {
    const room = uniqueRoom("small"); // keeps ten messages, and has a window of 64 Ki
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
    ["before anyone has spoken again", 0],
    ["when others have", 12],
  ])(
    "[L5 P5 W3 G4] for a log that lived in memory is closed slow, and told of the new one when it comes back, %s",
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

  it("[L5 W1 P5 G4] for a log that is not kept is closed slow, and told so when it comes back", async () => {
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
