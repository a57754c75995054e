import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { dump } from "../support/version-1.ts";
import { join, rejoin, type WebSocketJoin, type WebSocketMember } from "../support/websocket.ts";

const joinKind = (room: string, options: WebSocketJoin = {}): Promise<WebSocketMember> =>
  join(room, { to, ...options });

async function read(room: string, part: string): Promise<unknown> {
  return (await request(roomPath(room, part), {}, to)).json();
}

function tablesIn(room: string): Promise<unknown[]> {
  return kindsRoom(room).inside(({ storage }) =>
    storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray(),
  );
}

describe.each(["memory", "none"])("a room whose history is %s", (kind) => {
  it("[W1 M1] a room that stores nothing creates no tables, whatever its members do, nor after they left", async () => {
    const room = uniqueRoom(kind);
    const [ana, bob] = [await joinKind(room, { presence: 1 }), await joinSse(room, { to, presence: 2 })];
    await ana.publish("e", 1);
    await ana.setPresence("more");
    await ana.act({ type: "set", set: { key: 1 }, own: true });
    await kindsRoom(room).evict();
    await ana.publish("e", 2);
    bob.vanish();
    await ana.inbox.take("presence", ({ left }) => left?.length === 1);
    ana.send({ type: "leave" });
    expect(await ana.closed).toMatchObject({ code: 4507 });

    expect(await tablesIn(room)).toEqual([]);
    expect(await kindsRoom(room).info()).toMatchObject({ members: 0 });
  });

  it("[M1 W4 G9] a room that stores nothing knows its members and their presence data after a sleep", async () => {
    const room = uniqueRoom(kind);
    const [ana, bob] = [await joinKind(room, { presence: "a" }), await joinSse(room, { to, presence: "b" })];
    await ana.setPresence("changed");
    await kindsRoom(room).evict();

    const cem = await joinKind(room);

    expect(await cem.welcome()).toMatchObject({ count: 3 });
    expect(new Map((await cem.welcome()).members?.map(({ id, data }) => [id, data]))).toEqual(
      new Map<string, unknown>([
        [ana.member, "changed"],
        [bob.member, "b"],
        [cem.member, undefined],
      ]),
    );
  });

  it("[M1 M2 G9] members that leave while the room sleeps are all announced, even several at the same time", async () => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room);
    const others = [await joinKind(room), await joinKind(room), await joinKind(room)];
    await ana.inbox.until(({ all }) => all.filter(({ type }) => type === "presence").length === 3);
    await kindsRoom(room).evict();

    for (const each of others) each.close(1000);
    await Promise.all(others.map(({ closed }) => closed));
    await ana.publish("mark", 1);

    const left = ana.inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
    expect(left.map(({ id }) => id).toSorted()).toEqual(others.map(({ member }) => member).toSorted());
    expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
  });

  it("[J10 W4] a view-only client is not taken for a member, even after a sleep", async () => {
    const room = uniqueRoom(kind);
    const eye = await joinKind(room, { query: { view: "1" } });
    const ana = await joinKind(room);
    await kindsRoom(room).evict();

    const bob = await joinKind(room);
    await ana.publish("e", 1);

    expect(await bob.welcome()).toMatchObject({
      count: 2,
      members: [{ id: ana.member }, { id: bob.member }],
    });
    expect(await eye.inbox.take("message")).toMatchObject({ data: 1 });
    expect(await eye.ask({ type: "publish", ref: 1, event: "e" })).toMatchObject({ code: "view_only" });
  });

  it("[N4 G11] an empty room that stores nothing stays asleep: its alarm finds nobody and sets no other", async () => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room);
    ana.send({ type: "leave" });
    expect(await ana.closed).toMatchObject({ code: 4507 });

    await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);

    expect(await kindsRoom(room).inside(({ storage }) => storage.getAlarm())).toBeNull();
  });

  it("[J5 W4 G9] a member whose connection was replaced keeps its presence data, even after a sleep", async () => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room, { presence: "a" });
    const again = await joinKind(room, { key: ana.key });
    await ana.closed;
    await kindsRoom(room).evict();

    const bob = await joinKind(room);

    expect((await bob.welcome()).members).toContainEqual({ id: again.member, data: "a" });
  });

  it("[T6 T2 T4] a room that stores nothing keeps its state while it is awake", async () => {
    const room = uniqueRoom(kind);
    const ana = await joinKind(room);
    await ana.act({ type: "set", set: { a: 1, b: [2] } });
    await ana.act({ type: "set", delete: ["a"], if: { a: 1 } });
    const { position } = ana;
    const awake = await read(room, "/state");
    const bob = await joinKind(room);

    await kindsRoom(room).evict();
    const asleep = await read(room, "/state");
    const anew = await ana.act({ type: "set", set: { b: 3 }, if: { b: 0 } });

    expect(awake).toEqual({ state: { b: [[2], 1] }, stateOffset: 2, position });
    expect(await bob.welcome()).toMatchObject({ state: { b: [[2], 1] }, stateOffset: 2 });
    expect(asleep).toMatchObject({ state: {}, stateOffset: 0 });
    expect(anew).toMatchObject({ type: "ack", offset: 1 });
    expect(await read(room, "/state")).toMatchObject({ state: { b: [3, 1] }, stateOffset: 1 });
  });
});

describe("a room in memory with grace", () => {
  it.each(["memory-grace", "none-grace"])(
    "[W1 M4 T6] a room of %s stores its members, and none of their messages",
    async (kind) => {
      const room = uniqueRoom(kind);
      const ana = await joinKind(room, { presence: "a" });
      await ana.publish("e", 1);
      await ana.act({ type: "set", set: { key: 1 } });

      expect(await kindsRoom(room).inside(({ storage }) => dump(storage))).toMatchObject({
        member: [{ id: ana.member, data: '"a"' }],
        segment: [],
        state: [],
        floor: [],
      });
    },
  );

  it.each(["memory-grace", "none-grace"])(
    "[N4] a room of %s expires once it has been empty for emptyRoomTtlMs",
    async (kind) => {
      vi.setSystemTime(Date.now());
      onTestFinished(() => void vi.useRealTimers());
      const room = uniqueRoom(kind);
      const ana = await joinKind(room);
      await ana.publish("e", 1);
      ana.send({ type: "leave" });
      await ana.closed;
      const left = Date.now();

      for (let alarms = 0; (await tablesIn(room)).length > 0; alarms++) {
        expect(alarms).toBeLessThan(5);
        const at = await kindsRoom(room).inside(({ storage }) => storage.getAlarm());
        vi.setSystemTime(at ?? 0);
        await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub).catch(() => undefined);
      }

      expect(Date.now() - left).toBe(OPTIONS.emptyRoomTtlMs.default);
    },
  );

  it.each(["memory-grace", "none-grace"])(
    "[M4 G9 P6] a member of %s that reconnects after a crash is not announced, and keeps its data",
    async (kind) => {
      const room = uniqueRoom(kind);
      const ana = await joinKind(room, { presence: "a" });
      const bob = await joinKind(room, { presence: "b" });
      await ana.publish("e", 1);

      await crash();
      const again = await rejoin(room, ana, { to });
      const back = await rejoin(room, bob, { to });
      await again.publish("mark", 1, { ref: 9 });

      expect(await again.welcome()).toMatchObject({ recovered: false, reason: "epoch", count: 2 });
      expect((await back.welcome()).members).toContainEqual({ id: ana.member, data: "a" });
      expect(again.inbox.all.filter(({ type }) => type === "presence")).toEqual([]);
    },
  );
});
