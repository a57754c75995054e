import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CHAT_GRACE_MS, SLOT_MS, lost, passAndWake } from "../support/grace.ts";
import { crash, evict, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { post } from "../support/sse.ts";
import { joinCuttable, type CuttableMember } from "../support/cuttable-member.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Runs the room's alarm, even if it is not due. As on the platform, an alarm that runs is no longer set. */
function runAlarm(room: string): Promise<boolean> {
  return runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
}

describe("the alarm is set again", () => {
  it("[G9 G11 L4] the alarm is set again after it fired for the grace of a member that has reconnected after a crash", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const check = await alarmOf(room);
    await crash();
    await rejoin(room, ana);

    const soon = (await alarmOf(room)) ?? 0;
    expect(soon).toBeLessThan(check ?? 0);
    vi.setSystemTime(soon);
    await runAlarm(room);

    expect(await alarmOf(room)).toBe(check);
  });

  it("[G9 G11 L4] the alarm is set again after it fired early", async () => {
    const room = uniqueRoom();
    await join(room);
    const check = await alarmOf(room);

    await runAlarm(room);

    expect(await alarmOf(room)).toBe(check);
  });
});

/** The members that left, and the reasons, as announced to a member. */
function leaves({ inbox }: WebSocketMember): unknown[] {
  return inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
}

describe("an alarm that was set before a crash", () => {
  /** The first events after a crash, by which the object learns of the alarm. Each returns a member to be disconnected. */
  const FIRST_EVENTS: readonly [
    what: string,
    happen: (room: string, ana: WebSocketMember) => Promise<CuttableMember>,
  ][] = [
    ["a join", (room) => joinCuttable(room)],
    ["two joins at once", async (room) => (await Promise.all([joinCuttable(room), join(room)]))[0]],
    ["a query and a join", (room) => infoOf(room).then(() => joinCuttable(room))],
    [
      "an act by POST and a join",
      (room, ana) => post(room, ana, { type: "presence" }).then(() => joinCuttable(room)),
    ],
    [
      "a join and a hibernation",
      async (room) => {
        const bob = await joinCuttable(room);
        await evict(room);
        return bob;
      },
    ],
    [
      "a join, another crash and a join",
      (room) =>
        join(room)
          .then(crash)
          .then(() => joinCuttable(room)),
    ],
  ];

  it.each(FIRST_EVENTS)(
    "[M4 G9 G11] an alarm from before a crash does not postpone the end of a later grace: after %s",
    async (_what, happen) => {
      const room = uniqueRoom("chat");
      const ana = await join(room);
      const stale = (await alarmOf(room)) ?? 0;
      const diedAt = Date.now();
      expect(stale).toBeGreaterThan(diedAt + CHAT_GRACE_MS + SLOT_MS);
      await crash();
      const bob = await happen(room, ana);

      await passAndWake(room, CHAT_GRACE_MS / 2 + 1);
      await bob.cut();
      await lost(room, bob);

      expect(await alarmOf(room)).toBeLessThanOrEqual(diedAt + CHAT_GRACE_MS + SLOT_MS);
      await passAndWake(room, CHAT_GRACE_MS / 2 + SLOT_MS - 1);
      const { members } = await (await join(room)).welcome();
      expect(members?.map(({ id }) => id)).not.toContain(ana.member);
    },
  );

  it("[M4 L4 G9] an alarm from before a crash whose time has passed does not prevent the next one", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const stale = (await alarmOf(room)) ?? 0;
    await crash();
    vi.setSystemTime(stale + 60_000);
    const witness = await join(room);
    const lateAt = Date.now();

    expect(await alarmOf(room)).toBeLessThanOrEqual(lateAt + CHAT_GRACE_MS + SLOT_MS);
    await passAndWake(room, CHAT_GRACE_MS + SLOT_MS);
    await witness.publish("mark", 1);

    expect(leaves(witness)).toEqual([{ id: ana.member, reason: "timeout" }]);
    const next = (await alarmOf(room)) ?? 0;
    expect(next).toBeGreaterThan(Date.now()); // The next heartbeat check.
  });

  it("[M4 G9 G11] a crash does not postpone a grace that began before it", async () => {
    const room = uniqueRoom("chat");
    await join(room);
    const bob = await joinCuttable(room);
    await bob.cut();
    await lost(room, bob);
    const diedAt = Date.now();
    vi.setSystemTime(diedAt + CHAT_GRACE_MS / 2);
    await crash();

    const witness = await join(room);

    expect(await alarmOf(room)).toBeLessThanOrEqual(diedAt + CHAT_GRACE_MS + SLOT_MS);
    await passAndWake(room, CHAT_GRACE_MS / 2 + SLOT_MS);
    await witness.publish("mark", 1);
    expect(leaves(witness)).toContainEqual({ id: bob.member, reason: "timeout" });
  });
});

describe("an alarm that is set", () => {
  it.each([
    ["awake", async () => undefined],
    ["asleep", (room: string) => evict(room)],
  ])(
    "[M4 G9 G11] the alarm for a grace does not move when other connections are lost later: the room is %s",
    async (_how, between) => {
      const room = uniqueRoom("chat");
      const witness = await join(room);
      const [bob, cem] = [await joinCuttable(room), await joinCuttable(room)];
      await bob.cut();
      await lost(room, bob);
      const soon = (await alarmOf(room)) ?? 0;
      await between(room);
      vi.setSystemTime(Date.now() + CHAT_GRACE_MS / 2);

      await cem.cut();
      await lost(room, cem);

      expect(await alarmOf(room)).toBe(soon);
      await passAndWake(room, CHAT_GRACE_MS / 2 + SLOT_MS);
      await witness.publish("mark", 1);
      expect(leaves(witness)).toContainEqual({ id: bob.member, reason: "timeout" });
    },
  );

  it("[M4 G9 G11] the alarm for a grace is set again when its handler fails once", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const bob = await joinCuttable(room);
    await bob.cut();
    await lost(room, bob);
    // Simulates a full disk, so that the end of a membership cannot be written.
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE DELETE ON member BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      ),
    );
    vi.setSystemTime(Date.now() + CHAT_GRACE_MS + SLOT_MS);
    await runAlarm(room).catch(() => undefined);
    await ana.closed;
    expect(await alarmOf(room)).toBeLessThanOrEqual(Date.now() + 60_000);

    await inRoom(room, ({ storage }) => storage.sql.exec("DROP TRIGGER full"));
    const back = await rejoin(room, ana);
    await passAndWake(room, 60_000);

    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect((await back.welcome()).member).toBe(ana.member);
  });
});
