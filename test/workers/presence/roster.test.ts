import { afterEach, describe, expect, it, vi } from "vitest";
import { lost } from "../support/grace.ts";
import { follow, mapOf, presenceOf, rosterOf } from "../support/rosters.ts";
import { crash, evict, infoOf, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { joinAs } from "../support/verified-user.ts";
import { join, rejoin } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

/** The roster revision of a room as any client may read it. */
async function currentOf(room: string): Promise<string> {
  return (await (await request(roomPath(room, "/members"))).json<{ roster: string }>()).roster;
}

describe("the revision of the member list", () => {
  it("[M5] the roster revision changes with every join, update and leave, and with no other change of the room", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const names = [rosterOf(ana)];
    const note = async (): Promise<unknown> => names.push(await currentOf(room));

    const bob = await join(room);
    await note();
    await ana.setPresence("calm");
    await note();
    await ana.publish("e", 1);
    await ana.act({ type: "set", set: { k: 1 } });
    await join(room, { query: { view: "1" } });
    const back = await rejoin(room, bob);
    expect(await currentOf(room)).toBe(names.at(-1));
    back.close(1000);
    await ana.inbox.take("presence", ({ left }) => left !== undefined);
    await note();

    expect(new Set(names).size).toBe(4);
    expect(rosterOf(ana)).toBe(names.at(-1));
  });

  it("[M5 M3 G5] the roster revision is the same in every frame for one change, and in the welcome of the member that caused it", async () => {
    const room = uniqueRoom();
    const members = [
      await join(room),
      await join(room, { query: { mode: "count" } }),
      await joinSse(room),
      await joinSse(room, { query: { mode: "count" } }),
    ];

    const last = await join(room);
    for (const { inbox } of members) await inbox.take("presence", ({ count }) => count === 5);

    expect(new Set([...members, last].map(rosterOf)).size).toBe(1);
    expect(rosterOf(last)).toBe(await currentOf(room));
  });

  it("[M5 F4] an update and a leave in one flush have one roster revision", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    bob.send([{ type: "presence", data: "bye" }, { type: "leave" }]);
    await ana.inbox.take("presence", ({ left }) => left !== undefined);

    const [updated, left] = presenceOf(ana).slice(-2);
    expect([updated?.updated, left?.left]).toMatchObject([[{ id: bob.member }], [{ id: bob.member }]]);
    expect(updated?.roster).toBe(left?.roster);
  });
});

describe("the list of a client that reconnects", () => {
  it.each([
    ["WebSocket", join],
    ["SSE", joinSse],
  ])(
    "[M5 J7 W4] a client that reconnects with the current roster over %s has the list and gets none",
    async (_what, joinBy) => {
      const room = uniqueRoom();
      const ana = await join(room, { presence: "ana" });
      const bob = await joinBy(room, { presence: "bob" });
      const known = follow(bob.inbox.all);

      const back = await joinBy(room, {
        key: bob.key,
        after: bob.position,
        query: { roster: rosterOf(bob) },
      });
      await ana.setPresence("busy");
      await back.inbox.take("presence");

      const welcome = await back.welcome();
      expect(welcome).toMatchObject({ mode: "list", count: 2, roster: rosterOf(bob) });
      expect(welcome).not.toHaveProperty("members");
      expect(follow(back.inbox.all, known).list).toEqual(
        new Map([
          [ana.member, "busy"],
          [bob.member, "bob"],
        ]),
      );
    },
  );

  it("[M5] a client that reconnects with a roster from before a change gets the list", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    const stale = rosterOf(bob);
    await ana.setPresence("changed");

    const back = await rejoin(room, bob, { query: { roster: stale } });

    expect((await back.welcome()).members).toHaveLength(2);
    expect(rosterOf(back)).not.toBe(stale);
  });

  it("[M5 J5] a client that reconnects with other presence data changes the list, and gets it", async () => {
    const room = uniqueRoom();
    const bob = await join(room, { presence: 1 });

    const back = await rejoin(room, bob, { presence: 2, query: { roster: rosterOf(bob) } });

    expect((await back.welcome()).members).toEqual([{ id: bob.member, data: 2 }]);
  });

  it("[M5 M4] a client that reconnects within its grace finds the roster unchanged", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    const roster = rosterOf(bob);
    bob.vanish();
    await lost(room, bob);

    const back = await joinSse(room, { key: bob.key, query: { roster } });

    expect(await back.welcome()).toMatchObject({ roster, count: 2 });
    expect(await back.welcome()).not.toHaveProperty("members");
    expect(presenceOf(ana)).toHaveLength(1);
  });

  it.each([
    ["a sleep", (room: string) => evict(room)],
    ["a crash", () => crash()],
  ])(
    "[M5 G6] a client that reconnects after %s with the roster of an unchanged list has the list and gets none",
    async (_what, fail) => {
      const room = uniqueRoom("chat");
      const [ana, bob] = [await join(room, { presence: "ana" }), await join(room)];
      const roster = rosterOf(bob);

      await fail(room);
      const back = await rejoin(room, bob, { query: { roster } });
      const other = await rejoin(room, ana);

      expect(await back.welcome()).toMatchObject({ roster, count: 2 });
      expect(await back.welcome()).not.toHaveProperty("members");
      expect(mapOf((await other.welcome()).members ?? [])).toEqual(
        new Map([
          [ana.member, "ana"],
          [bob.member, undefined],
        ]),
      );
    },
  );
});

describe("several connections of one user", () => {
  it("[M7 W1] connections of one user with different keys are members of that user", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const [phone, laptop] = [await joinAs(room, "bob"), await joinAs(room, "bob", { presence: '"laptop"' })];

    expect(phone.member).not.toBe(laptop.member);
    expect(await laptop.welcome()).toMatchObject({ user: "bob", count: 3 });
    expect((await laptop.welcome()).members).toEqual(
      expect.arrayContaining([
        { id: ana.member },
        { id: phone.member, user: "bob" },
        { id: laptop.member, user: "bob", data: "laptop" },
      ]),
    );
    await ana.inbox.until(({ all }) => all.filter(({ type }) => type === "presence").length === 2);
    expect(presenceOf(ana)).toMatchObject([
      { joined: [{ id: phone.member, user: "bob" }], count: 2 },
      { joined: [{ id: laptop.member, user: "bob", data: "laptop" }], count: 3 },
    ]);
    expect(await infoOf(room)).toMatchObject({ members: 3 });
  });

  it("[M7 G9] the members of one user leave one by one", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const [phone, laptop] = [await joinAs(room, "bob"), await joinAs(room, "bob")];

    phone.close(1000);
    await ana.inbox.take("presence", ({ left }) => left !== undefined);
    await laptop.publish("e", 1);

    expect(presenceOf(ana).at(-1)).toMatchObject({ left: [{ id: phone.member }], count: 2 });
    expect(ana.inbox.messages).toMatchObject([{ from: laptop.member, user: "bob" }]);
  });

  it("[M7 T3 A7 G12] the members of one user are addressed and own keys independently", async () => {
    const room = uniqueRoom();
    const [phone, laptop] = [await joinAs(room, "bob"), await joinAs(room, "bob")];
    const ana = await join(room);

    await phone.act({ type: "set", set: { k: 1 }, own: true });
    await ana.act({ type: "publish", event: "secret", to: [phone.member] });
    await ana.publish("mark", 1);
    await laptop.inbox.take("message");

    expect(await laptop.act({ type: "set", set: { k: 2 } })).toMatchObject({ code: "not_owner" });
    expect(ana.inbox.all.filter(({ type }) => type === "state")).toMatchObject([
      { from: phone.member, user: "bob", set: { k: 1 } },
    ]);
    expect(laptop.inbox.messages.map(({ event }) => event)).toEqual(["mark"]);
    expect(phone.inbox.messages.map(({ event }) => event)).toEqual(["secret", "mark"]);
  });

  it("[M7 G6] the members of one user are still separate after a sleep, with their user", async () => {
    const room = uniqueRoom();
    const [phone, laptop] = [await joinAs(room, "bób\n😀"), await joinAs(room, "bób\n😀")];
    await evict(room);

    await phone.setPresence("awake");

    expect(await laptop.inbox.take("presence")).toMatchObject({
      updated: [{ id: phone.member, user: "bób\n😀", data: "awake" }],
      count: 2,
    });
  });
});
