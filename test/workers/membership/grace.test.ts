import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kinds } from "../../../src/rooms.ts";
import { crash, evict, inRoom, infoOf, roomStub, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

/** The grace that the kind itself sets. The variable for other tests sets it to 0. */
const GRACE_MS = kinds.chat.graceMs ?? 0;

/** Leaves after the grace are grouped into slots of this length. */
const SLOT_MS = 15_000;

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Runs the room's alarm if it is due, as the platform would. Returns whether it was. */
async function runAlarmIfDue(room: string): Promise<boolean> {
  const at = await inRoom(room, ({ storage }) => storage.getAlarm());
  if (at === null || at > Date.now()) return false;
  return runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
}

/** The presence frames that a member has received after its welcome. */
function news(member: WebSocketMember): unknown[] {
  return member.inbox.all.filter(({ type }) => type === "presence");
}

describe("a lost connection", () => {
  it.each([
    ["awake", async () => undefined],
    ["asleep", (room: string) => evict(room)],
  ])(
    "[G9 M4] a member that reconnects within the grace is not announced, in a room that is %s",
    async (_how, between) => {
      const room = uniqueRoom("chat");
      const ana = await join(room);
      const bob = await joinCuttable(room, { presence: "bob" });
      await bob.cut();
      await lost(room, bob);
      await between(room);
      expect(await infoOf(room)).toMatchObject({ members: 2 });

      pass(GRACE_MS - 1);
      await runAlarmIfDue(room);
      const again = await join(room, { key: bob.key });
      pass(GRACE_MS + SLOT_MS);
      await runAlarmIfDue(room);
      await ana.publish("mark", 1);

      expect(again.member).toBe(bob.member);
      expect((await again.welcome()).members).toContainEqual({ id: bob.member, data: "bob" });
      expect(news(ana)).toMatchObject([{ joined: [{ id: bob.member }] }]);
    },
  );

  it("[G9 M4] a member that does not reconnect is announced once as having left, at most a slot after its grace", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const bob = await joinCuttable(room);
    await bob.cut();
    await lost(room, bob);

    pass(GRACE_MS - 1);
    expect(await runAlarmIfDue(room)).toBe(false);
    pass(SLOT_MS + 1);
    expect(await runAlarmIfDue(room)).toBe(true);

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      left: [{ id: bob.member, reason: "timeout" }],
      count: 1,
    });
    expect(await rows(room)).toEqual([ana.member]);
    pass(4 * SLOT_MS);
    await runAlarmIfDue(room);
    await ana.publish("mark", 1);
    expect(news(ana)).toHaveLength(2);
  });

  it("[G9 G11 M4] many members whose grace ends together wake the room once, and are announced in one frame", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const others = await Promise.all(Array.from({ length: 5 }, () => joinCuttable(room)));
    for (const other of others) {
      await other.cut();
      await lost(room, other);
      pass(100);
    }

    pass(GRACE_MS + SLOT_MS);
    expect(await runAlarmIfDue(room)).toBe(true);
    expect(await runAlarmIfDue(room)).toBe(false);

    const left = news(ana).filter((frame) => (frame as { left?: unknown }).left !== undefined);
    expect(left).toMatchObject([{ count: 1 }]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[G9 M4 J5] a member that reconnects within the grace with other presence data is announced as an update", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const bob = await joinCuttable(room, { presence: 1 });
    await bob.cut();
    await lost(room, bob);

    await join(room, { key: bob.key, presence: 2 });

    expect(await ana.inbox.take("presence", ({ updated }) => updated !== undefined)).toMatchObject({
      updated: [{ id: bob.member, data: 2 }],
      count: 2,
    });
  });

  it("[G9 M4 S3] an SSE client has the same grace", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);

    const again = await joinSse(room, { key: bob.key, lastEventId: bob.stream.lastEventId });
    await ana.publish("mark", 1);

    expect(await again.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(news(ana)).toMatchObject([{ joined: [{ id: bob.member }] }]);
  });

  it("[L4 M4] a member whose heartbeat timed out has the grace as well", async () => {
    const room = uniqueRoom("chat");
    const bob = await join(room);
    pass(3_600_000);
    const ana = await join(room);
    pass(1);
    await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
    expect(await bob.closed).toMatchObject({ code: 4002 });

    await rejoin(room, bob);
    await ana.publish("mark", 1);

    expect(news(ana)).toEqual([]);
  });
});

describe("a deliberate leave", () => {
  it.each<[string, number | undefined, boolean]>([
    ["a close with code 1000", 1000, true],
    ["a close without a code", undefined, true],
    ["a close with code 1001, as from a reloaded page", 1001, false],
    ["a close with code 4001", 4001, false],
  ])(
    "[M2 M4] %s ends the membership without grace, unless the client is expected to reconnect",
    async (_how, code, isGone) => {
      const room = uniqueRoom("chat");
      const [ana, bob] = [await join(room), await join(room)];

      bob.close(code);
      await bob.closed;
      await ana.publish("mark", 1);

      const told = { left: [{ id: bob.member, reason: "left" }], count: 1 };
      expect(news(ana).slice(1)).toMatchObject(isGone ? [told] : []);
      expect(await infoOf(room)).toMatchObject({ members: isGone ? 1 : 2 });
    },
  );

  it("[A6 M4 H1] a leave by POST from a member in grace ends its membership immediately", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);

    expect((await post(room, bob, { type: "leave", ref: 1 })).body).toEqual({ type: "ack", ref: 1 });

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "left" }],
    });
    expect((await post(room, bob, { type: "presence" })).body).toMatchObject({ code: "not_joined" });
  });
});

describe("a member in grace", () => {
  it("[G5 H1 M4] a member in grace can act by POST as if it were connected", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);

    expect((await post(room, bob, { type: "publish", ref: 1, event: "e" })).body).toMatchObject({
      offset: 1,
    });
    expect((await post(room, bob, { type: "presence", data: "away" })).status).toBe(200);

    expect(await ana.inbox.take("message")).toMatchObject({ from: bob.member });
    expect((await (await join(room)).welcome()).members).toContainEqual({ id: bob.member, data: "away" });
  });
});

describe("a crash in a room with grace", () => {
  it("[G6 G9 M4] members that reconnect after a crash are not announced, and keep their presence data", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room, { presence: "ana" });
    const bob = await join(room);
    await bob.setPresence("bob");
    await crash();

    const back = await rejoin(room, ana);
    expect((await back.welcome()).members).toEqual(
      expect.arrayContaining([
        { id: ana.member, data: "ana" },
        { id: bob.member, data: "bob" },
      ]),
    );
    await rejoin(room, bob);
    pass(GRACE_MS + SLOT_MS);
    await runAlarmIfDue(room);
    await back.publish("mark", 1);

    expect(news(back)).toEqual([]);
  });

  it("[G6 G9 M4] the membership of a client that does not reconnect after a crash ends with its grace, even without other events", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await join(room)];
    await crash();
    const back = await rejoin(room, ana);

    pass(GRACE_MS + SLOT_MS);
    expect(await runAlarmIfDue(room)).toBe(true);

    expect(await back.inbox.take("presence")).toMatchObject({
      left: [{ id: bob.member, reason: "timeout" }],
      count: 1,
    });
  });

  it("[G6 G9 M4] a crash does not change the end of a running grace", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const bob = await joinCuttable(room);
    await bob.cut();
    await lost(room, bob);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    const before = await graceOf(room, bob.member);
    await crash();
    pass(1_000);

    await rejoin(room, ana);

    expect(before).toBeGreaterThan(Date.now());
    expect(await graceOf(room, bob.member)).toBe(before);
  });
});

it("[J9 M4] a member in grace counts for maxMembers, and may reconnect to a full room", async () => {
  const room = uniqueRoom("chat");
  const bob = await joinCuttable(room);
  await bob.cut();
  await lost(room, bob);

  const ana = await join(room);

  expect(await ana.welcome()).toMatchObject({ count: 2 });
});

/** Resolves once the room has noticed that a member's connection is lost. */
function lost(room: string, { member }: { readonly member: string }): Promise<void> {
  return vi.waitFor(async () => expect(await graceOf(room, member)).not.toBeNull());
}

function rows(room: string): Promise<string[]> {
  return inRoom(room, ({ storage }) =>
    storage.sql
      .exec<{ id: string }>("SELECT id FROM member")
      .toArray()
      .map(({ id }) => id),
  );
}

function graceOf(room: string, id: string): Promise<number | null> {
  return inRoom(
    room,
    ({ storage }) =>
      storage.sql.exec<{ graceUntil: number | null }>("SELECT graceUntil FROM member WHERE id = ?", id).one()
        .graceUntil,
  );
}
