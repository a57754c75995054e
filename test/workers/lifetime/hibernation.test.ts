import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { evict, inRoom, openSocketsOf, infoOf, roomStub, uniqueRoom, wasAwake } from "../support/rooms.ts";
import { expectWhole, runScenario } from "../support/run-scenario.ts";
import { SCENARIO } from "../support/scenario.ts";
import { joinSse } from "../support/sse.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, rejoin } from "../support/websocket.ts";

describe("a hibernation between any two steps", () => {
  it.each(SCENARIO.map(({ name }) => name))(
    "[G1 G3 G4 G5 G6 G9] a hibernation loses and repeats nothing after %s",
    async (name) => {
      const clients = await runScenario(uniqueRoom(), async (step, { ana }) => {
        if (step === name) await evict(ana.room);
      });

      await expectWhole(clients);
    },
  );

  it("[G1 G3 G4 G5 G6 G9] a hibernation after every step loses and repeats nothing", async () => {
    await expectWhole(await runScenario(uniqueRoom(), (_step, { ana }) => evict(ana.room)));
  });
});

describe("the event that wakes a room", () => {
  it("[G6 G9 M2] a close that wakes the room is announced", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await evict(room);

    bob.close(1000);

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      left: [{ id: bob.member, reason: "left" }],
      count: 1,
    });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[G6 G9 M2] a lost connection that wakes the room is announced", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await joinCuttable(room);
    await evict(room);

    await bob.cut();

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[G6 G9 S3] an SSE client that disconnects wakes the room and is announced", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await evict(room);

    bob.vanish();

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member }],
      count: 1,
    });
  });

  it("[G6 G9 M2] simultaneous closes of several members that wake the room are announced once each, as left", async () => {
    const room = uniqueRoom("chat");
    const ana = await join(room);
    const others = await Promise.all(Array.from({ length: 5 }, () => join(room)));
    await evict(room);

    for (const other of others) other.close(1000);
    await Promise.all(others.map(({ closed }) => closed));
    await ana.publish("mark", 1);

    const left = ana.inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
    expect(left.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
      others
        .map(({ member }) => ({ id: member, reason: "left" }))
        .toSorted((a, b) => a.id.localeCompare(b.id)),
    );
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[G6 J5 G9] a join that wakes the room replaces the session's connection, and other members are not notified", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { presence: "old" })];
    await evict(room);

    const again = await rejoin(room, bob);
    await ana.publish("mark", 1);

    expect(await bob.closed).toMatchObject({ code: 4504 });
    expect((await again.welcome()).members).toContainEqual({ id: bob.member, data: "old" });
    expect(ana.inbox.all.filter(({ type }) => type === "presence")).toMatchObject([
      { joined: [{}], count: 2 },
    ]);
  });

  it("[G6 A5] a presence update that wakes the room is sent to all members", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await evict(room);

    await ana.setPresence("awake");

    expect(await bob.inbox.take("presence")).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      updated: [{ id: ana.member, data: "awake" }],
      count: 2,
    });
  });

  it("[G6 A6] a leave that wakes the room ends the membership", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await evict(room);

    bob.send({ type: "leave" });

    expect(await bob.closed).toMatchObject({ code: 4507 });
    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member }],
    });
  });

  it("[G6 G8] a volatile message that wakes the room reaches everyone", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await evict(room);

    ana.send({ type: "publish", event: "v", volatile: true });

    expect(await bob.inbox.take("message")).toMatchObject({ event: "v", from: ana.member });
  });

  it("[G6 M3 J7] a room that wakes serves each member in its own mode and dialect", async () => {
    const room = uniqueRoom();
    const members = [
      await join(room),
      await join(room, { query: { mode: "count" } }),
      await joinSse(room),
      await joinSse(room, { query: { mode: "count" } }),
    ];
    await evict(room);

    const last = await join(room);

    const [list, count, ...streams] = await Promise.all(
      members.map(({ inbox }) => inbox.take("presence", (frame) => frame.count === 5)),
    );
    expect(list).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      joined: [{ id: last.member }],
      count: 5,
    });
    expect(count).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      mode: "count",
      count: 5,
    });
    expect(streams).toEqual([list, count]);
  });

  it("[G6 G11] an alarm that wakes the room finds all members connected, and the room hibernates again", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await evict(room);

    expect(await runDurableObjectAlarm(roomStub(room) as DurableObjectStub)).toBe(true);

    expect(await inRoom(room, ({ storage }) => storage.getAlarm())).toBeGreaterThan(Date.now());
    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
  });

  it("[G6 L1] a message budget is full after a hibernation, and not more than full", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await evict(room);

    for (let n = 0; n < 3; n++)
      ana.send(Array.from({ length: 64 }, (_, i) => ({ type: "publish", ref: n * 64 + i + 1, event: "e" })));
    await ana.inbox.take("error");

    expect(ana.inbox.messages.length).toBeGreaterThanOrEqual(120);
    expect(ana.inbox.messages.length).toBeLessThan(192);
  });
});

describe("sockets that close while the room hibernates", () => {
  it("[G9 J5] the newest of two sockets of one session stays open, and the other is closed with replaced", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    const newer = await join(room);
    await inRoom(room, (state) => {
      const records = state
        .getWebSockets()
        .map((socket) => ({ socket, record: socket.deserializeAttachment() as Record<string, unknown> }));
      const of = (member: string) => records.find(({ record }) => record["member"] === member);
      const [older, other] = [of(bob.member), of(newer.member)];
      other?.socket.serializeAttachment({
        ...older?.record,
        joinedAt: Number(older?.record["joinedAt"]) + 1,
      });
    });
    await evict(room);

    await ana.publish("mark", 1);

    expect(await newer.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    expect(await openSocketsOf(room)).toBe(2);
    expect(await bob.closed).toMatchObject({ code: 4504 });
  });

  it("[G9 J5] a replaced socket that never answers its close has no effect, before and after a hibernation", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { allowHalfOpen: true })];
    const again = await rejoin(room, bob);
    await bob.closed;
    await evict(room);

    await ana.publish("one", 1);
    bob.close(1000, "late");
    await evict(room);
    await ana.publish("two", 2);

    expect(again.inbox.messages.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    expect(ana.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1);
  });

  it("[G9] a member whose socket closes while another event wakes the room leaves immediately, and is announced once", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];
    await evict(room);

    bob.close(1000);
    const ack = ana.publish("mark", 1);
    await bob.closed;
    await ack;
    await ana.publish("mark", 2);
    await cem.inbox.until(({ messages }) => messages.length === 2);

    for (const { inbox } of [ana, cem]) {
      const left = inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
      expect(left.map(({ id }) => id)).toEqual([bob.member]);
    }
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });

  it("[G9 J9] a client that disconnected while the room hibernated is not counted", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await evict(room);
    bob.close(1000);
    await bob.closed;
    await evict(room);

    const cem = await join(room);

    expect(await cem.welcome()).toMatchObject({ count: 2 });
    expect((await cem.welcome()).members?.map(({ id }) => id)).toEqual(
      expect.arrayContaining([ana.member, cem.member]),
    );
  });

  it("[G9 J4] a client that closes its connection and rejoins immediately is a member, and its welcome counts it", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    let bob = await join(room);
    for (let n = 0; n < 5; n++) {
      await evict(room);
      bob.close(1000);
      bob = await rejoin(room, bob);
      expect(await bob.welcome()).toMatchObject({ count: 2 });
    }
    await ana.publish("mark", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
    const changes = ana.inbox.all.flatMap((frame) => (frame.type === "presence" ? [frame] : []));
    const here = changes.reduce((sum, { joined = [], left = [] }) => sum + joined.length - left.length, 0);
    expect(here).toBe(1);
  });
});

it("[G11] a room with idle members hibernates until a client acts", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await joinSse(room)];
  await evict(room);

  ana.ping();
  await ana.inbox.take("pong");

  expect(await wasAwake(room)).toBe(false);
  expect(bob.inbox.all).toHaveLength(1);
});
