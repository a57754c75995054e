import { afterEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { lost, passAndWake } from "../support/grace.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { follow, presenceOf } from "../support/rosters.ts";
import { crash, inRoom, infoOf, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { stateOf } from "../support/state.ts";
import { join } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

const VIEW = { query: { view: "1" } };

describe("a member that rejoins as view-only", () => {
  it("[J10 J5 G9 T3] a member that rejoins as view-only has left: that is announced, and its own keys are deleted", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await bob.act({ type: "set", set: { k: 1 }, own: true });

    const eve = await join(room, { key: bob.key, ...VIEW });
    await ana.publish("mark", 1);

    expect(await bob.closed).toMatchObject({ code: 4504 });
    expect(await eve.welcome()).toMatchObject({ count: 1, members: [{ id: ana.member }], state: {} });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(presenceOf(ana)).toMatchObject([
      { joined: [{ id: bob.member }] },
      { left: [{ id: bob.member, reason: "left" }], count: 1 },
    ]);
    expect((await stateOf(room)).shared).toEqual(new Map());
  });

  it("[J10 M4] a member in grace that rejoins as view-only has left, too", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);

    const eve = await joinSse(room, { key: bob.key, ...VIEW });

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({ count: 1 });
    expect(await eve.welcome()).toMatchObject({ count: 1 });
    expect((await eve.post({ type: "publish", ref: 1, event: "e" })).body).toMatchObject({
      code: "view_only",
    });
  });
});

it("[N4 J10 G6] a room whose view-only clients were lost in a crash expires after a whole further period", async () => {
  vi.setSystemTime(Date.now());
  const TTL = OPTIONS.emptyRoomTtlMs.default;
  const room = uniqueRoom();
  const ana = await join(room);
  ana.send({ type: "leave" });
  await ana.closed;
  // the room has been empty for a long time, then a view-only client joins, then the room crashes
  vi.setSystemTime(Date.now() + TTL - 1_000);
  const eve = await join(room, VIEW);
  await crash();
  await eve.closed;
  await infoOf(room);
  await passAndWake(room, 2_000);
  expect(await tablesOf(room)).not.toEqual([]);
  while ((await tablesOf(room)).length > 0) {
    const at = await inRoom(room, ({ storage }) => storage.getAlarm());
    expect(at).not.toBeNull();
    await passAndWake(room, Number(at) - Date.now());
  }
});

it("[N4 G6] a new room that had only view-only clients when it crashed expires", async () => {
  vi.setSystemTime(Date.now());
  const room = uniqueRoom();
  await join(room, VIEW);
  await crash();
  for (let n = 0; n < 5 && (await tablesOf(room)).length > 0; n++) {
    const at = await inRoom(room, ({ storage }) => storage.getAlarm());
    expect(at).not.toBeNull();
    await passAndWake(room, Number(at) - Date.now());
  }
  expect(await tablesOf(room)).toEqual([]);
});

it.each(["memory", "none"])(
  "[G9 M2 G6] in a %s room that slept, the closes of several members are all announced",
  async (kind) => {
    const room = uniqueRoom(kind);
    const to = serveKinds;
    const ana = await join(room, { to });
    const others = await Promise.all(Array.from({ length: 5 }, () => join(room, { to })));
    await kindsRoom(room).evict();
    for (const other of others) other.close(1000);
    await Promise.all(others.map(({ closed }) => closed));
    await ana.publish("mark", 1);
    const left = ana.inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
    expect(left.map(({ id }) => id).toSorted()).toEqual(others.map(({ member }) => member).toSorted());
    expect(follow(ana.inbox.all)).toEqual({ list: new Map([[ana.member, undefined]]), count: 1 });
  },
);

it("[M6 M1] a storm of joins does not delay the change to counts", async () => {
  vi.setSystemTime(Date.now());
  const room = uniqueRoom();
  const ana = await join(room);
  const max = OPTIONS.presenceListMax.default;
  for (let n = 0; n < max; n++) await join(room);
  const late = await join(room);
  await ana.inbox.take("presence", ({ mode }) => mode === "count");
  expect(await late.welcome()).toMatchObject({ mode: "count", count: max + 2 });
});
