import { describe, expect, it } from "vitest";
import { refuse, type RoomHandle } from "../../../src/config/hooks.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { join, joinWebSocket, rejoin, type WebSocketMember } from "../support/websocket.ts";

const to = serveKinds;

async function stateOf(room: string): Promise<unknown> {
  return ((await (await request(roomPath(room, "/state"), {}, to)).json()) as { state: unknown }).state;
}

/** The messages of the room itself that a member received. */
function ofTheRoom(member: WebSocketMember): unknown[] {
  return member.inbox.messages.filter(({ from }) => from === "room").map(({ event, data }) => [event, data]);
}

describe("onJoin", () => {
  it("[K1 J8 G12] onJoin refuses a new client with a message over either transport, and other members are not notified", async () => {
    setHooks({ onJoin: (_room, { data }) => (data === "spy" ? refuse("no spies") : undefined) });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });

    const spy = await joinWebSocket(room, { to, presence: "spy" });
    expect(await spy.inbox.take("error")).toMatchObject({ code: "refused", message: "no spies" });
    expect(await spy.closed).toMatchObject({ code: 4503 });
    const reader = await openEvents(room, { to, presence: "spy" });
    expect(await reader.inbox.take("close")).toMatchObject({ code: 4503 });
    await ana.publish("mark", 1);

    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
    expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
  });

  it.each([
    [5_000, { retryAfterMs: 5_000 }, 4007],
    [1.5, { retryAfterMs: 2 }, 4007],
    [-1, {}, 4503],
    [Number.NaN, {}, 4503],
    [Infinity, {}, 4503],
    ["soon" as never, {}, 4503],
  ])("[K1 E2] a refusal for %d ms is sent as %j and closes with %i", async (retryAfterMs, sent, close) => {
    setHooks({ onJoin: () => refuse("the game has begun", { retryAfterMs }) });
    const room = uniqueRoom("ruled");

    const late = await joinWebSocket(room, { to });
    const reader = await openEvents(room, { to });
    await reader.ended;

    expect(await late.inbox.take("error")).toEqual({
      ...{ type: "error", code: "refused", message: "the game has begun" },
      ...sent,
    });
    expect(await late.closed).toMatchObject({ code: close });
    expect(reader.stream.lastEventId === "~closed").toBe(close === 4503);
  });

  it("[K1 M4] onJoin is called for each join, with isReturn, and not for clients that only watch", async () => {
    const asked: unknown[] = [];
    setHooks({ onJoin: (_room, { data }, { isReturn }) => void asked.push([data, isReturn]) });
    const room = uniqueRoom("ruled-grace");

    const ana = await join(room, { to, presence: "Ana" });
    await rejoin(room, ana, { to });
    await crash();
    await rejoin(room, ana, { to });
    await rejoin(room, ana, { to, presence: "Anna" });
    const watcher = await rejoin(room, ana, { to, query: { view: "1" }, presence: "viewing" });
    await rejoin(room, watcher, { to });

    expect(asked).toEqual([
      ["Ana", false],
      ["Ana", true],
      ["Ana", true],
      ["Anna", true],
      [null, false], // it had left when it became a viewer
    ]);
  });

  it("[K1 J8] a member whose reconnect is refused stays as it is, with its connection", async () => {
    setHooks({ onJoin: (_room, _member, { isReturn }) => (isReturn ? refuse("once only") : undefined) });
    const room = uniqueRoom("ruled-grace");
    const [ana, bob] = [await join(room, { to, presence: "Ana" }), await join(room, { to })];

    const again = await joinWebSocket(room, { to, key: ana.key, presence: "Anna" });

    expect(await again.inbox.take("error")).toMatchObject({ code: "refused", message: "once only" });
    expect(await again.closed).toMatchObject({ code: 4503 });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(await kindsRoom(room).info()).toMatchObject({ members: 2 });
    expect(bob.inbox.all.filter(({ type }) => type === "presence")).toEqual([]);
  });

  it("[K1 M7] onJoin finds the other members, and not the one that it is called for", async () => {
    const others: number[] = [];
    setHooks({ onJoin: (room) => void others.push(room.members().length) });
    const room = uniqueRoom("ruled-grace");

    const ana = await join(room, { to });
    await join(room, { to });
    await rejoin(room, ana, { to });

    expect(others).toEqual([0, 1, 1]);
  });

  it("[K2 F4] what onJoin publishes is delivered after the presence frame of the join, to the new member as well", async () => {
    setHooks({ onJoin: (room, { id }) => room.publish("hello", { id, here: room.members().length }) });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const bob = await join(room, { to });

    await bob.inbox.until(({ messages }) => messages.length === 1);
    await ana.inbox.until(({ messages }) => messages.length === 2);

    expect(ofTheRoom(bob)).toEqual([["hello", { id: bob.member, here: 1 }]]);
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "presence", "message"]);
  });
});

describe("onPublish", () => {
  it("[K1 A2] onPublish refuses a message with a reason, and the same ref can be retried", async () => {
    setHooks({ onPublish: (_room, _member, { data }) => (data === "rude" ? refuse("be kind") : undefined) });
    const ana = await join(uniqueRoom("ruled"), { to });

    expect(await ana.publish("chat", "rude", { ref: 1 })).toMatchObject({
      code: "refused",
      message: "be kind",
      ref: 1,
    });
    expect(await ana.publish("chat", "nice", { ref: 1 })).toMatchObject({ type: "ack", offset: 1 });
  });

  it("[K1 G8] onPublish changes a message, whether recorded or volatile", async () => {
    setHooks({
      onPublish: (_room, _member, { data, isVolatile }) => ({
        data: JSON.stringify(data).toUpperCase(),
        ...(isVolatile && { event: "shout" }),
      }),
    });
    const ana = await join(uniqueRoom("ruled"), { to });

    ana.send({ type: "publish", event: "chat", data: "soft", volatile: true });
    await ana.publish("chat", "soft");

    expect(ana.inbox.all.filter(({ type }) => type === "message")).toMatchObject([
      { event: "shout", data: '"SOFT"' },
      { event: "chat", data: '"SOFT"', offset: 1 },
    ]);
  });

  it("[K1 A10] onPublish receives raw bytes, can change them, convert them to data or back, and publish bytes itself", async () => {
    const seen: unknown[] = [];
    setHooks({
      onPublish: (room, _member, { event, data, bytes }) => {
        seen.push([data, bytes]);
        if (event === "reversed") return { bytes: bytes?.toReversed() ?? new Uint8Array() };
        if (event === "in place") bytes?.fill(255);
        if (event === "data") return { data: [...(bytes ?? [])] };
        if (event === "bytes") return { bytes: Uint8Array.of(Number(data)) };
        if (event === "own") room.publish("room's", Uint8Array.of(9));
        return undefined;
      },
    });
    const ana = await join(uniqueRoom("ruled"), { to });

    for (const event of ["reversed", "in place", "data", "own"]) {
      expect(await ana.act({ type: "publish", event, bytes: "AQI=" })).toMatchObject({ type: "ack" });
    }
    await ana.publish("bytes", 7);

    expect(ana.inbox.messages.map(({ event, data, bytes }) => [event, data, bytes])).toEqual([
      ["reversed", undefined, "AgE="],
      ["in place", undefined, "//8="],
      ["data", [1, 2], undefined],
      ["own", undefined, "AQI="],
      ["room's", undefined, "CQ=="],
      ["bytes", undefined, "Bw=="],
    ]);
    expect(seen[0]).toEqual([null, Uint8Array.of(1, 2)]);
    expect(seen.at(-1)).toEqual([7, undefined]);
  });

  it("[K2 G1 G3] what onPublish publishes and sets follows the message, once, even if the act is retried", async () => {
    setHooks({
      onPublish: (room, { id }) => {
        const score = Number(room.get("score")?.value ?? 0);
        room.set({ score: score + 1 });
        room.publish("scored", { id, score: score + 1 });
      },
    });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const bob = await joinSse(room, { to });

    await ana.publish("goal", 1, { ref: 1 });
    await ana.publish("goal", 1, { ref: 1 });
    await kindsRoom(room).evict();
    await ana.publish("goal", 1, { ref: 1 });
    await ana.publish("goal", 2, { ref: 2 });
    await bob.inbox.until(({ messages }) => messages.length === 4);

    expect(bob.inbox.messages.map(({ offset, event }) => [offset, event])).toEqual([
      [1, "goal"],
      [3, "scored"],
      [4, "goal"],
      [6, "scored"],
    ]);
    expect(await stateOf(room)).toEqual({ score: [2, 5] });
  });

  it("[K3 G6] a hook that throws or is asynchronous rejects the act with internal, and none of its changes take effect", async () => {
    const asynchronous = (async () => undefined) as unknown as () => void;
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const withBug = (handle: RoomHandle): void => {
      handle.publish("half", 1);
      handle.set({ half: 1 });
      throw new Error("a bug");
    };

    setHooks({ onPublish: withBug, onSet: asynchronous });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });
    expect(await ana.act({ type: "set", set: { a: 1 } })).toMatchObject({ code: "internal" });
    setHooks({ onPublish: () => ({ event: "" }), onSet: () => undefined });
    expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });
    setHooks({ onPublish: () => undefined });
    expect(await ana.publish("e", 2)).toMatchObject({ offset: 1 });
    expect(await stateOf(room)).toEqual({});
  });

  it.each<[string, (room: RoomHandle) => void]>([
    ["an event that is empty", (room) => room.publish("", 1)],
    ["an event too long", (room) => room.send("e".repeat(65), 1)],
    ["data too large", (room) => room.publish("e", "x".repeat(70_000))],
    ["an empty state change", (room) => room.set({})],
    ["a key that is empty", (room) => room.set({ "": 1 })],
    ["more than the state holds", (room) => room.set({ big: "x".repeat(300_000) })],
  ])("[K3 T5] %s throws inside the hook", async (_what, work) => {
    const thrown: unknown[] = [];
    setHooks({
      onPublish: (room) => {
        try {
          work(room);
        } catch (error) {
          thrown.push(error);
        }
      },
    });
    const ana = await join(uniqueRoom("ruled"), { to });

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(thrown).toEqual([expect.any(RangeError)]);
  });
});

describe("onSet and onLeave", () => {
  it("[K1 T2] onSet receives the change and can refuse it, after versions and owners are checked", async () => {
    const asked: unknown[] = [];
    setHooks({
      onSet: (_room, _member, { set, deleted, isOwn }) => {
        asked.push([[...set], deleted, isOwn]);
        return set.has("locked") ? refuse("that is locked") : undefined;
      },
    });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });

    expect(await ana.act({ type: "set", set: { a: 1 }, if: { a: 7 } })).toMatchObject({ code: "conflict" });
    expect(await ana.act({ type: "set", set: { locked: 1 } })).toMatchObject({ code: "refused" });
    expect(await ana.act({ type: "set", set: { a: 1 }, delete: ["b"], own: true })).toMatchObject({
      offset: 1,
    });

    expect(asked).toEqual([
      [[["locked", 1]], [], false],
      [[["a", 1]], ["b"], true],
    ]);
  });

  it("[K1 G9] onLeave is called once with the reason, and what it publishes is recorded", async () => {
    setHooks({
      onLeave: (room, { data }, reason) =>
        room.publish("gone", { data, reason, left: room.members().length }),
    });
    const room = uniqueRoom("ruled");
    const [ana, bob, cem] = [
      await join(room, { to }),
      await join(room, { to, presence: "Bob" }),
      await join(room, { to, presence: "Cem" }),
    ];

    bob.send({ type: "leave" });
    await bob.closed;
    cem.close(1000);
    await ana.inbox.until(({ messages }) => messages.length === 2);

    expect(ofTheRoom(ana)).toEqual([
      ["gone", { data: "Bob", reason: "left", left: 2 }],
      ["gone", { data: "Cem", reason: "left", left: 1 }],
    ]);
  });

  it("[K3 G9] a member can leave although onLeave throws", async () => {
    setHooks({
      onLeave: () => {
        throw new Error("a bug");
      },
    });
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];

    bob.send({ type: "leave" });

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({ count: 1 });
    expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
  });
});
