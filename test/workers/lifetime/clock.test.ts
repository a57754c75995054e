import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { Clock } from "../../../src/room/lifetime/clock.ts";
import { CHAT_GRACE_MS, SLOT_MS, lost, passAndWake } from "../support/grace.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { STRICT, beBanned, beMuted, refusalOf } from "../support/penalties.ts";
import { evict, inRoom, infoOf, tablesOf, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

const HOUR_MS = 3_600_000;

// The clock stops unless a test moves it. It stays ahead of the platform's clock, which runs an alarm as soon as it is due.
beforeEach(() => vi.setSystemTime(Date.now() + 24 * HOUR_MS));
afterEach(() => vi.useRealTimers());

const SILENCE_MS = OPTIONS.silenceTimeoutMs.default;

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Faults of the clock. Each has a change before a test's first event, and a change after it. */
const FAULTS: readonly (readonly [what: string, before: () => void, after: () => void])[] = [
  ["is set back by an hour", () => undefined, () => pass(-HOUR_MS)],
  ["is set forward by an hour and then corrected", () => pass(HOUR_MS), () => pass(-HOUR_MS)],
  ["is set back by a second", () => undefined, () => pass(-1_000)],
];

const STATES = [
  ["awake", async (): Promise<void> => undefined],
  ["asleep", (room: string) => evict(room)],
] as const;

/** Every fault, in a room that stays awake and in a room that hibernates. */
const CASES = FAULTS.flatMap(([what, before, after]) =>
  STATES.map(([state, rest]) => [what, state, { before, after, rest }] as const),
);

function alarmOf(room: string): Promise<number | null> {
  return inRoom(room, ({ storage }) => storage.getAlarm());
}

/** Moves time in steps, and runs due alarms, until a condition holds. Returns the time that passed. */
async function passUntil(room: string, isSo: () => Promise<boolean>, maxMs: number): Promise<number> {
  const begun = Date.now();
  while (Date.now() - begun <= maxMs && !(await isSo())) {
    const at = await alarmOf(room);
    if (at === null || at - begun > maxMs) pass(maxMs + 1);
    else await passAndWake(room, Math.max(0, at - Date.now()));
  }
  return Date.now() - begun;
}

async function isClosed(member: WebSocketMember): Promise<boolean> {
  return Promise.race([member.closed.then(() => true), infoOf("nowhere").then(() => false)]);
}

describe("a clock fault", () => {
  it.each(CASES)(
    "[M4 G9] a clock that %s does not keep a lost member beyond its grace: the room is %s",
    async (_what, _state, fault) => {
      const room = uniqueRoom("chat");
      const ana = await join(room);
      fault.before();
      const bob = await joinCuttable(room);
      await bob.cut();
      await lost(room, bob);
      await fault.rest(room);
      fault.after();
      await ana.publish("e", 1);

      expect(await infoOf(room)).toMatchObject({ members: 2 });
      const took = await passUntil(room, async () => (await infoOf(room)).members === 1, HOUR_MS);

      expect(took).toBeGreaterThanOrEqual(CHAT_GRACE_MS - 1_000);
      expect(took).toBeLessThanOrEqual(CHAT_GRACE_MS + SLOT_MS);
    },
  );

  it.each(CASES)(
    "[M4 G9] a clock that %s does not end the membership of a member that reconnects within its grace: the room is %s",
    async (_what, _state, fault) => {
      const room = uniqueRoom("chat");
      const ana = await join(room);
      fault.before();
      const bob = await joinCuttable(room, { presence: "bob" });
      await bob.cut();
      await lost(room, bob);
      await fault.rest(room);
      fault.after();
      await ana.publish("e", 1);
      await passAndWake(room, CHAT_GRACE_MS - 1_001);

      await join(room, { key: bob.key });
      await ana.publish("mark", 1);

      const news = ana.inbox.all.filter(({ type }) => type === "presence");
      expect(news).toMatchObject([{ joined: [{ id: bob.member }] }]);
    },
  );

  it.each(CASES)(
    "[L4 G9] a clock that %s does not prolong the silence timeout: the room is %s",
    async (_what, _state, fault) => {
      const room = uniqueRoom();
      const ana = await join(room);
      fault.before();
      const bob = await join(room);
      await fault.rest(room);
      fault.after();
      await ana.publish("e", 1);

      const took = await passUntil(room, () => isClosed(bob), HOUR_MS);

      expect(await bob.closed).toMatchObject({ code: 4002 });
      expect(took).toBeGreaterThanOrEqual(SILENCE_MS - 1_000);
      expect(took).toBeLessThanOrEqual(SILENCE_MS + 75_000);
    },
  );

  it.each(CASES)(
    "[N4] a clock that %s does not keep an empty room beyond its time: the room is %s",
    async (_what, _state, fault) => {
      const room = uniqueRoom();
      fault.before();
      const ana = await join(room);
      ana.send({ type: "leave" });
      await ana.closed;
      await fault.rest(room);
      fault.after();
      await infoOf(room);

      const TTL_MS = OPTIONS.emptyRoomTtlMs.default;
      const took = await passUntil(room, async () => (await tablesOf(room)).length === 0, TTL_MS + HOUR_MS);

      expect(took).toBe(TTL_MS);
    },
  );
});

describe("penalties during a clock fault", () => {
  const to = serveKinds;

  function from(): { readonly to: typeof serveKinds; readonly headers: Readonly<Record<string, string>> } {
    return { to, headers: { "CF-Connecting-IP": uniqueAddress() } };
  }

  const REST = [
    ["awake", async (): Promise<void> => undefined],
    ["asleep", (room: string) => kindsRoom(room).evict()],
  ] as const;

  it.each(
    FAULTS.flatMap(([what, before, after]) =>
      REST.map(([state, rest]) => [what, state, { before, after, rest }] as const),
    ),
  )(
    "[L2 G10] a clock that %s does not prolong or repeat a penalty: the room is %s",
    async (_what, _state, fault) => {
      const room = uniqueRoom("strict");
      const [home, away] = [from(), from()];
      const host = await join(room, from());
      fault.before();
      const cem = await join(room, away);
      await beMuted(cem);
      await beBanned(await join(room, home));
      expect(await refusalOf(room, home.headers)).toMatchObject({ code: "banned" }); // The Worker has cached the ban as well.
      await fault.rest(room);
      fault.after();
      const at = Date.now();

      expect(await cem.publish("e", 1)).toMatchObject({ code: "muted", retryAfterMs: STRICT.muteMs });
      expect(await refusalOf(room, home.headers)).toMatchObject({
        code: "banned",
        retryAfterMs: STRICT.banMs,
      });
      vi.setSystemTime(at + STRICT.muteMs);
      expect(await cem.publish("e", 2)).toMatchObject({ type: "ack" });
      vi.setSystemTime(at + STRICT.banMs);
      const ana = await join(room, home);
      vi.setSystemTime(at + HOUR_MS + STRICT.muteMs / 2); // The clock has reached its time before the fault again.
      expect(await ana.publish("e", 3)).toMatchObject({ type: "ack" });
      await rejoin(room, ana, home);
      expect(await host.publish("e", 4)).toMatchObject({ type: "ack" });
    },
  );
});

describe("a clock that is set forward by an hour", () => {
  it("[A3 F6 P4 L2 M4] a clock that is set forward by an hour ends shorter durations, and breaks nothing, even after it is corrected", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const bob = await joinCuttable(room);
    const first = await ana.publish("e", 1, { ref: 1 });
    await bob.cut();
    await lost(room, bob);
    const { position } = ana;

    pass(HOUR_MS);
    expect(await ana.publish("e", 1, { ref: 1 })).toEqual(first);
    expect(await ana.publish("e", 2, { ref: 2 })).toMatchObject({ type: "ack", offset: 2 });
    await passAndWake(room, SLOT_MS);
    expect(await infoOf(room)).toMatchObject({ members: 1 });

    pass(-HOUR_MS - SLOT_MS);
    expect(await ana.publish("e", 2, { ref: 2 })).toMatchObject({ offset: 2 });
    expect(await ana.publish("e", 3, { ref: 3 })).toMatchObject({ type: "ack", offset: 3 });
    const back = await rejoin(room, ana, { after: position });
    await back.inbox.until(({ messages }) => messages.length === 2);

    expect(back.inbox.messages.map(({ offset }) => offset)).toEqual([2, 3]);
    const times = [...ana.inbox.messages.slice(0, 1), ...back.inbox.messages].map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

describe("a room's clock", () => {
  it("[F6 G11] a room's clock notices a step back of a second or more once, and small steps when they add up to that", () => {
    const clock = new Clock();

    const noticed = [0, 5_000, 4_500, 4_001, 4_000, 4_000, 3_500, 3_000, 9_000, -HOUR_MS, -HOUR_MS].map(
      (ms) => clock.wasSetBack(Date.now() + ms),
    );

    expect(noticed).toEqual([false, false, false, false, true, false, false, true, false, true, false]);
  });
});
