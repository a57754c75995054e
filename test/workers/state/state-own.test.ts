import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deriveIdentity } from "../../../src/protocol/ids.ts";
import { CHAT_GRACE_MS, SLOT_MS, lost, passAndWake } from "../support/grace.ts";
import { crash, evict, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { StateFold, stateOf } from "../support/state.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** A room with one key of Ana's and one without an owner. Bob is a member, too. */
async function shared(kind?: string): Promise<{ room: string; ana: WebSocketMember; bob: WebSocketMember }> {
  const room = uniqueRoom(kind);
  const [ana, bob] = [await join(room), await join(room)];
  await ana.act({ type: "set", set: { "cursor:ana": [1, 2] }, own: true });
  await ana.act({ type: "set", set: { title: "ours" } });
  await bob.inbox.take("state", ({ offset }) => offset === 2);
  return { room, ana, bob };
}

/** The frame that deletes Ana's key. */
function deletion(ana: { readonly member: string }, offset: number): object {
  return {
    type: "state",
    offset,
    time: expect.any(Number) as number,
    from: ana.member,
    delete: ["cursor:ana"],
  };
}

const LEFT = new Map([["title", ["ours", 2]]]);

describe("owned keys", () => {
  it.each([
    ["sets", { set: { "cursor:ana": 0 } }],
    ["sets as its own", { set: { "cursor:ana": 0 }, own: true }],
    ["deletes", { delete: ["cursor:ana"] }],
    ["sets with its current version", { set: { "cursor:ana": 0 }, if: { "cursor:ana": 1 } }],
    ["sets together with other keys", { set: { title: "bob's", "cursor:ana": 0 } }],
  ])(
    "[T3] an act of another member that %s an owned key is not_owner, and changes nothing",
    async (_what, act) => {
      const { room, bob } = await shared();
      const before = await stateOf(room);

      const answer = await bob.act({ type: "set", ...act });

      expect(answer).toMatchObject({ type: "error", ref: 1, code: "not_owner" });
      expect(await stateOf(room)).toEqual(before);
    },
  );

  it("[T3 T2] a conflict takes precedence over not_owner", async () => {
    const { bob } = await shared();

    const answer = await bob.act({ type: "set", set: { "cursor:ana": 0 }, if: { "cursor:ana": 0 } });

    expect(answer).toMatchObject({ code: "conflict", versions: { "cursor:ana": 1 } });
  });

  it("[T3] the owner of a key may change it, delete it and give it away", async () => {
    const { ana, bob } = await shared();

    expect(await ana.act({ type: "set", set: { "cursor:ana": 1 }, own: true })).toMatchObject({ offset: 3 });
    expect(await bob.act({ type: "set", set: { "cursor:ana": 2 } })).toMatchObject({ code: "not_owner" });
    expect(await ana.act({ type: "set", delete: ["cursor:ana"] })).toMatchObject({ offset: 4 });
    expect(await bob.act({ type: "set", set: { "cursor:ana": 3 } })).toMatchObject({ offset: 5 });
  });

  it("[T3] a key that its owner sets without own has no owner from then on, and stays", async () => {
    const { room, ana, bob } = await shared();
    await ana.act({ type: "set", set: { "cursor:ana": "given" } });

    expect(await bob.act({ type: "set", set: { "cursor:ana": "taken" } })).toMatchObject({ offset: 4 });
    ana.close(1000);
    await bob.inbox.take("presence", ({ left }) => left !== undefined);

    expect((await stateOf(room)).shared.get("cursor:ana")).toEqual(["taken", 4]);
  });

  it("[T3 T2 F1] keys that are set and deleted within one frame have the right owners", async () => {
    const { ana, bob } = await shared();

    ana.send([
      { type: "set", ref: 3, set: { a: 1 }, own: true },
      { type: "set", ref: 4, delete: ["a"] },
      { type: "set", ref: 5, set: { b: 1 }, own: true },
    ]);
    await ana.inbox.take("ack", ({ ref }) => ref === 5);

    expect(await bob.act({ type: "set", set: { a: 2 } })).toMatchObject({ offset: 6 });
    expect(await bob.act({ type: "set", set: { b: 2 } })).toMatchObject({ code: "not_owner" });
  });

  it.each([
    ["a sleep", (room: string) => evict(room)],
    ["a crash", () => crash()],
  ])("[T3 G6] the owner of a key is remembered over %s", async (_what, fail) => {
    const { room, ana, bob } = await shared("chat");
    await fail(room);
    const [owner, other] = [await rejoin(room, ana), await rejoin(room, bob)];

    expect(await other.act({ type: "set", set: { "cursor:ana": 0 } })).toMatchObject({ code: "not_owner" });
    expect(await owner.act({ type: "set", set: { "cursor:ana": 0 }, own: true }, 3)).toMatchObject({
      offset: 3,
    });
  });
});

describe("the end of owned keys", () => {
  it.each<[string, (ana: WebSocketMember, room: string) => unknown]>([
    ["a leave", (ana) => ana.send({ type: "leave" })],
    ["a leave by POST", (ana, room) => post(room, ana, { type: "leave" })],
    ["a close with code 1000", (ana) => ana.close(1000)],
    [
      "a close for abuse",
      (ana) => Array.from({ length: 4 }, () => ana.send(Array.from({ length: 64 }, () => 0))),
    ],
  ])(
    "[T3 F4 P2] %s deletes the member's keys in order, before its leave is announced",
    async (_how, leave) => {
      const { room, ana, bob } = await shared();

      await leave(ana, room);
      await bob.inbox.take("presence", ({ left }) => left !== undefined);

      expect(JSON.parse(bob.inbox.texts.at(-1) ?? "")).toMatchObject([
        deletion(ana, 3),
        { type: "presence", left: [{ id: ana.member }] },
      ]);
      expect(bob.inbox.all.findLast(({ type }) => type === "state")).toEqual(deletion(ana, 3));
      expect((await stateOf(room)).shared).toEqual(LEFT);
      expect(await bob.publish("e", 1)).toMatchObject({ offset: 4 });
    },
  );

  it("[T3 A6] a key that a member sets in the frame with its leave is set, then deleted", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([{ type: "set", ref: 1, set: { a: 1 }, own: true }, { type: "leave" }]);
    await bob.inbox.take("presence", ({ left }) => left !== undefined);

    expect(JSON.parse(bob.inbox.texts.at(-1) ?? "")).toMatchObject([
      { type: "state", offset: 1, set: { a: 1 } },
      { type: "state", offset: 2, delete: ["a"] },
      { type: "presence", left: [{ id: ana.member, reason: "left" }] },
    ]);
    expect((await stateOf(room)).shared).toEqual(new Map());
  });

  it("[T3 T4 P4] the deletion is recorded, so a member that was away receives it in the replay", async () => {
    const { room, ana, bob } = await shared("chat");
    bob.close(4001);
    await bob.closed;
    ana.send({ type: "leave" });
    await ana.closed;
    await evict(room);

    const back = await rejoin(room, bob);
    await back.inbox.take("position");

    expect(back.inbox.all.filter(({ type }) => type === "state")).toEqual([deletion(ana, 3)]);
    expect(new StateFold().read([...bob.inbox.all, ...back.inbox.all]).shared).toEqual(LEFT);
  });

  it.each([
    ["awake", async () => undefined],
    ["asleep", (room: string) => evict(room)],
  ])(
    "[T3 M4] owned keys survive a lost connection, and end with its grace, in a room that is %s",
    async (_how, between) => {
      const room = uniqueRoom("chat");
      const [ana, bob] = [await joinCuttable(room), await join(room)];
      const { session } = await deriveIdentity(room, "", ana.key);
      expect(
        await post(
          room,
          { session, key: ana.key },
          { type: "set", ref: 1, set: { "cursor:ana": 1 }, own: true },
        ),
      ).toMatchObject({ body: { offset: 1 } });
      await bob.inbox.take("state");
      await ana.cut();
      await lost(room, ana);
      await between(room);

      await passAndWake(room, CHAT_GRACE_MS - 1);
      const held = await stateOf(room);
      const refused = await bob.act({ type: "set", set: { "cursor:ana": 0 } });
      await passAndWake(room, SLOT_MS + 1);

      expect([...held.shared.keys()]).toEqual(["cursor:ana"]);
      expect(refused).toMatchObject({ code: "not_owner" });
      expect(await bob.inbox.take("state")).toEqual(deletion(ana, 2));
      expect(await bob.inbox.take("presence")).toMatchObject({
        left: [{ id: ana.member, reason: "timeout" }],
      });
      expect(await stateOf(room)).toMatchObject({ shared: new Map(), stateOffset: 2 });
    },
  );

  it("[T3 M4 J5] owned keys survive if their owner reconnects in time, or over another connection", async () => {
    const { room, ana, bob } = await shared("chat");
    const second = await join(room, { key: ana.key });
    second.close(4001);
    await second.closed;
    await passAndWake(room, CHAT_GRACE_MS - 1);
    const third = await rejoin(room, second);
    await passAndWake(room, CHAT_GRACE_MS + SLOT_MS);
    await bob.publish("mark", 1);

    expect(bob.inbox.all.filter(({ type }) => type === "state")).toHaveLength(2);
    expect(await third.act({ type: "set", delete: ["cursor:ana"] }, 3)).toMatchObject({ type: "ack" });
  });

  it.each([
    ["the alarm", async () => undefined],
    ["a join", (room: string) => join(room)],
  ])(
    "[T3 G6 G9] owned keys end after a crash without reconnects, when the room is woken by %s",
    async (_what, wake) => {
      const { room, ana } = await shared("chat");
      await crash();
      await stateOf(room); // the first event, so all graces begin
      await crash();

      vi.setSystemTime(Date.now() + CHAT_GRACE_MS);
      await wake(room);
      await passAndWake(room, SLOT_MS);

      expect(await stateOf(room)).toMatchObject({ shared: LEFT, stateOffset: 3 });
      const back = await rejoin(room, ana);
      await back.inbox.take("position");
      expect(back.inbox.all.filter(({ type }) => type === "state")).toEqual([deletion(ana, 3)]);
    },
  );

  it("[T3 G6] in a room without grace, owned keys end with the first event after a crash", async () => {
    const { room, bob } = await shared();
    await crash();

    const back = await rejoin(room, bob);
    await back.inbox.take("position");

    expect(back.inbox.all.filter(({ type }) => type === "state")).toMatchObject([{ delete: ["cursor:ana"] }]);
    expect((await stateOf(room)).shared).toEqual(LEFT);
  });

  it("[T3 M4] the keys of several members that end together are each deleted in a frame from their owner", async () => {
    const room = uniqueRoom("chat");
    const watcher = await join(room);
    const others = [await joinSse(room), await joinSse(room), await joinSse(room)];
    for (const [n, other] of others.entries()) {
      await other.post({ type: "set", set: { [`a${n}`]: 1, [`b${n}`]: 2 }, own: true });
    }
    for (const other of others) other.vanish();
    for (const other of others) await lost(room, other);

    await passAndWake(room, CHAT_GRACE_MS + SLOT_MS);
    await watcher.inbox.take("presence", ({ left }) => left?.length === 3);

    const deleted = watcher.inbox.all.flatMap((frame) =>
      frame.type === "state" && frame.delete !== undefined ? [[frame.from, frame.delete] as const] : [],
    );
    expect(new Map(deleted)).toEqual(
      new Map(others.map(({ member }, n) => [member, [`a${n}`, `b${n}`]] as const)),
    );
    expect((await stateOf(room)).shared).toEqual(new Map());
  });
});
