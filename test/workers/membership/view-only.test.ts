import { afterEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { passAndWake } from "../support/grace.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { presenceOf, rosterOf } from "../support/rosters.ts";
import { crash, evict, infoOf, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, joinWebSocket, rejoin, type WebSocketMember } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

const VIEW = { query: { view: "1" } };

describe("a view-only client", () => {
  it("[J10 W1 W4] the welcome of a view-only client has viewOnly, and lists the members without it", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { presence: "ana" });

    const eve = await join(room, VIEW);

    expect(await eve.welcome()).toMatchObject({
      viewOnly: true,
      count: 1,
      members: [{ id: ana.member, data: "ana" }],
      roster: rosterOf(ana),
      state: {},
    });
    expect(await ana.welcome()).not.toHaveProperty("viewOnly");
  });

  it("[J10 H6 N3 G9] a view-only client is not counted, listed or announced, nor is its presence data", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const watchers = [
      await join(room, { ...VIEW, presence: "eve" }),
      await joinSse(room, VIEW),
      await join(room, { query: { view: "1", mode: "count" } }),
    ];

    const bob = await join(room);
    const page = await (await request(roomPath(room, "/members"))).json<{ members: { id: string }[] }>();

    expect(await infoOf(room)).toMatchObject({ members: 2 });
    expect(page).toMatchObject({ count: 2 });
    expect(page.members.map(({ id }) => id).toSorted()).toEqual([ana.member, bob.member].toSorted());
    expect(await bob.welcome()).toMatchObject({ count: 2 });
    expect(presenceOf(ana)).toMatchObject([{ joined: [{ id: bob.member }], count: 2 }]);
    for (const { member } of watchers) expect(bob.inbox.texts.join()).not.toContain(member);
  });

  it.each([
    ["WebSocket", join],
    ["SSE", joinSse],
  ])(
    "[J10 G5] a view-only client over %s receives everything that is for everyone",
    async (_what, joinBy) => {
      const room = uniqueRoom();
      const ana = await join(room);
      const eve = await joinBy(room, VIEW);

      await ana.publish("r", 1);
      ana.send({ type: "publish", event: "v", volatile: true });
      await ana.act({ type: "set", set: { k: 1 } });
      await ana.setPresence("here");
      const bob = await join(room);
      bob.close(1000);
      await eve.inbox.take("presence", ({ left }) => left !== undefined);

      expect(eve.inbox.all.slice(1)).toMatchObject([
        { type: "message", offset: 1, event: "r" },
        { type: "message", event: "v" },
        { type: "state", offset: 2, set: { k: 1 } },
        { type: "presence", updated: [{ id: ana.member }], count: 1 },
        { type: "presence", joined: [{ id: bob.member }], count: 2 },
        { type: "presence", left: [{ id: bob.member }], count: 1 },
      ]);
    },
  );

  it("[J10 G4] a view-only client resumes at its position like any other", async () => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];
    eve.close(4001);
    await eve.closed;
    await ana.publish("missed", 1);

    const back = await rejoin(room, eve, { query: { view: "1", roster: rosterOf(eve) } });

    expect(await back.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(await back.welcome()).toMatchObject({ recovered: true, viewOnly: true });
    expect(await back.welcome()).not.toHaveProperty("members");
  });

  it("[A7 J10 G12] a view-only client never receives messages for some members, live, in a replay or in history", async () => {
    const room = uniqueRoom();
    const [ana, bob, eve] = [await join(room), await join(room), await join(room, VIEW)];
    const start = eve.position;
    ana.send([
      { type: "publish", event: "secret", to: [bob.member] },
      { type: "publish", event: "secret", to: [bob.member], volatile: true },
      { type: "publish", event: "open" },
    ]);
    await eve.inbox.take("message");

    eve.send({ type: "history", ref: 1 });
    const { messages } = await eve.inbox.take("history");
    const back = await joinSse(room, { ...VIEW, key: eve.key, lastEventId: start });
    await back.inbox.take("position");

    expect(messages).toMatchObject([{ event: "open" }]);
    for (const { inbox } of [eve, back]) expect(inbox.texts.join()).not.toContain("secret");
  });
});

describe("acts of a view-only client", () => {
  it.each<[string, object]>([
    ["publish", { type: "publish", event: "e" }],
    ["publish for some members", { type: "publish", event: "e", to: ["x".repeat(22)] }],
    ["change of the state", { type: "set", set: { k: 1 } }],
    ["presence update", { type: "presence", data: 1 }],
  ])("[J10] a %s from a view-only client is view_only, and the connection stays open", async (_what, act) => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];

    const answer = await eve.ask({ ref: 3, ...act });
    await evict(room);
    const later = await eve.ask({ ref: 4, ...act });

    expect(answer).toMatchObject({ type: "error", ref: 3, code: "view_only" });
    expect(later).toMatchObject({ type: "error", ref: 4, code: "view_only" });
    expect(await ana.publish("mark", 1)).toMatchObject({ offset: 1 });
    expect(await eve.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(presenceOf(ana)).toEqual([]);
  });

  it("[J10 A4] a volatile publish from a view-only client is view_only, and reaches nobody", async () => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];

    expect(await eve.ask({ type: "publish", event: "v", volatile: true })).toMatchObject({
      code: "view_only",
    });
    await ana.publish("mark", 1);
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
  });

  it("[J10 H1] acts of a view-only client by POST are view_only as well", async () => {
    const room = uniqueRoom();
    const eve = await joinSse(room, VIEW);

    for (const act of [
      { type: "publish", event: "e" },
      { type: "set", set: { k: 1 } },
      { type: "presence" },
    ]) {
      expect(await eve.post({ ref: 1, ...act })).toMatchObject({
        status: 403,
        body: { ref: 1, code: "view_only" },
      });
    }
    expect((await eve.post({ type: "history", ref: 1 })).body).toMatchObject({
      type: "history",
      messages: [],
    });
    expect(await infoOf(room)).toMatchObject({ members: 0, position: eve.position });
  });

  it("[J10 A8] a view-only client may request history", async () => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];
    await ana.publish("e", 1);

    eve.send({ type: "history", ref: 9, limit: 1 });

    expect(await eve.inbox.take("history")).toMatchObject({ ref: 9, messages: [{ offset: 1 }], more: false });
  });
});

describe("the end of a view-only connection", () => {
  it.each<[string, (eve: WebSocketMember) => unknown, number]>([
    ["a leave", (eve) => eve.send({ type: "leave" }), 4507],
    ["a close", (eve) => eve.close(1000), 1000],
    ["a close with code 4001", (eve) => eve.close(4001), 4001],
    ["a close for abuse", (eve) => Array.from({ length: 100 }, () => eve.send("{")), 4505],
  ])("[J10 G9] %s of a view-only client is not announced", async (_how, go, code) => {
    const room = uniqueRoom("chat");
    const [ana, eve] = [await join(room), await join(room, VIEW)];

    go(eve);
    expect((await eve.closed).code).toBe(code);
    await ana.publish("mark", 1);

    expect(presenceOf(ana)).toEqual([]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[J10 G9 M4] a lost view-only connection is not announced, and has no grace", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const eve = await joinCuttable(room, VIEW);

    await eve.cut();
    await joinSse(room, { ...VIEW, key: eve.key });
    await crash();
    const back = await rejoin(room, ana);

    expect(await back.welcome()).toMatchObject({ count: 1 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(presenceOf(ana)).toEqual([]);
  });

  it("[J10 J5] a view-only client that rejoins as a member is announced, and its connection is replaced", async () => {
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];

    const member = await rejoin(room, eve, { presence: "here" });

    expect(await eve.closed).toMatchObject({ code: 4504 });
    expect(await member.welcome()).toMatchObject({ count: 2 });
    expect(await ana.inbox.take("presence")).toMatchObject({ joined: [{ id: eve.member, data: "here" }] });
    expect(await member.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it.each([
    ["stored", "default"],
    ["in memory", "memory"],
    ["in memory, with grace", "memory-grace"],
  ])(
    "[J10 G6] a view-only client stays view-only over a sleep, in a room that is %s",
    async (_what, kind) => {
      const [room, to] = [uniqueRoom(kind), serveKinds];
      const [ana, eve] = [await join(room, { to }), await join(room, { to, ...VIEW })];
      await kindsRoom(room).evict();

      const bob = await join(room, { to });
      await ana.publish("mark", 1);

      expect(await bob.welcome()).toMatchObject({ count: 2 });
      expect(await eve.inbox.take("presence")).toMatchObject({ joined: [{ id: bob.member }], count: 2 });
      expect(await eve.inbox.take("message")).toMatchObject({ offset: 1 });
      expect(await eve.ask({ type: "publish", ref: 1, event: "e" })).toMatchObject({ code: "view_only" });
    },
  );
});

describe("a room with view-only clients", () => {
  it("[J9 J10] view-only clients count for maxMembers, and may reconnect", async () => {
    const [room, to] = [uniqueRoom("small"), serveKinds];
    const members = await Promise.all(Array.from({ length: 10 }, () => join(room, { to })));
    const eves = [await join(room, { to, ...VIEW }), await join(room, { to, ...VIEW })] as const;
    expect(members.length + eves.length).toBe(TEST_KINDS.small.maxMembers);

    const refused = [await joinWebSocket(room, { to }), await joinWebSocket(room, { to, ...VIEW })];
    const back = await rejoin(room, eves[0], { to, ...VIEW });
    back.close(1000);
    await back.closed;
    const next = await join(room, { to });

    for (const { inbox } of refused) expect(await inbox.take("error")).toMatchObject({ code: "room_full" });
    expect(await next.welcome()).toMatchObject({ count: 11 });
  });

  it("[N4 J10] a room does not expire while view-only clients are connected, and does after they have left", async () => {
    vi.setSystemTime(Date.now());
    const room = uniqueRoom();
    const [ana, eve] = [await join(room), await join(room, VIEW)];
    await ana.publish("e", 1);
    ana.send({ type: "leave" });
    await ana.closed;
    vi.setSystemTime(Date.now() + 2 * OPTIONS.emptyRoomTtlMs.default);
    eve.send({ type: "history", ref: 1 }); // so that its heartbeat does not time out
    await eve.inbox.take("history");
    await passAndWake(room, 0);
    expect(await infoOf(room)).toMatchObject({ position: ana.position });

    eve.send({ type: "leave" });
    await eve.closed;
    await passAndWake(room, OPTIONS.emptyRoomTtlMs.default - 1);
    expect(await tablesOf(room)).not.toEqual([]);
    await passAndWake(room, 1);
    expect(await tablesOf(room)).toEqual([]);
  });
});
