import { describe, expect, it } from "vitest";
import { evict, infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { joinCuttable } from "../support/cuttable-member.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

/** All presence frames that a member has received, except its welcome. */
function presenceOf(member: WebSocketMember): unknown[] {
  return member.inbox.all.filter(({ type }) => type === "presence");
}

describe("joins and updates", () => {
  it("[M1 G9] a join is announced once to the others, and not to the newcomer", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { presence: { name: "Bob" } })];
    await ana.publish("mark", 1);
    await bob.inbox.take("message");

    expect(presenceOf(ana)).toEqual([
      {
        type: "presence",
        roster: expect.any(String) as string,
        joined: [{ id: bob.member, data: { name: "Bob" } }],
        count: 2,
      },
    ]);
    expect(presenceOf(bob)).toEqual([]);
  });

  it("[M1 A5] an update reaches everyone, including its sender, and is acked", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    const ack = await ana.act({ type: "presence", data: { mood: "calm" } }, 5);

    const update = {
      type: "presence",
      roster: expect.any(String) as string,
      updated: [{ id: ana.member, data: { mood: "calm" } }],
      count: 2,
    };
    expect(ack).toEqual({ type: "ack", ref: 5 });
    expect(await bob.inbox.take("presence")).toEqual(update);
    expect(presenceOf(ana)).toContainEqual(update);
  });

  it("[A5] data replaces data, and absent data is null", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room, { presence: { a: 1, b: 2 } }), await join(room)];

    await ana.setPresence({ b: 3 });
    await ana.act({ type: "presence" });

    expect(await bob.inbox.take("presence")).toMatchObject({ updated: [{ id: ana.member, data: { b: 3 } }] });
    expect(await bob.inbox.take("presence")).toMatchObject({ updated: [{ id: ana.member, data: null }] });
  });

  it("[M1] of two updates in one frame, the newer is announced", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([
      { type: "presence", data: 1 },
      { type: "presence", ref: 1, data: 2 },
    ]);
    await ana.inbox.take("ack");
    await bob.inbox.take("presence");

    expect(presenceOf(bob)).toMatchObject([{ updated: [{ id: ana.member, data: 2 }] }]);
  });

  it("[A5] exactly maxPresenceBytes are accepted, and one byte more is presence_too_large", async () => {
    const ana = await join(uniqueRoom());
    const exact = `${"é".repeat(500)}${"x".repeat(22)}`; // 1,022 bytes of UTF-8, and two quotes

    expect(await ana.act({ type: "presence", data: exact }, 1)).toEqual({ type: "ack", ref: 1 });
    expect(await ana.act({ type: "presence", data: `${exact}x` }, 2)).toMatchObject({
      type: "error",
      ref: 2,
      code: "presence_too_large",
      limit: "maxPresenceBytes",
    });
    expect((await (await join(uniqueRoom(), { presence: exact })).welcome()).count).toBe(1);
  });

  it.each([
    ["lone surrogates", String.raw`["\ud800","\udfff"]`],
    ["keys that objects inherit", '{"__proto__":{"id":"x"},"constructor":1}'],
    ["NUL, line separators and a byte order mark", JSON.stringify("\0\u2028\u2029\ufeff")],
    ["emoji", '"👩‍👩‍👧‍👦"'],
    ["text that looks like another header", String.raw`"\r\nParlor-Join: {}"`],
    ["large numbers", "[100000000000000000000,5e-324]"],
    ["null", "null"],
  ])(
    "[A5 J7 G6] presence data with %s is the same from a join, an update, in a welcome and after a sleep",
    async (_what, text) => {
      const room = uniqueRoom();
      const bob = await join(room);
      const ana = await join(room, { query: { presence: text } });
      const joined = await bob.inbox.take("presence");
      ana.send(`{"type":"presence","data":${text}}`);
      const updated = await bob.inbox.take("presence");
      await evict(room);
      const welcome = await (await join(room)).welcome();

      const told = [
        joined.joined?.[0],
        updated.updated?.[0],
        welcome.members?.find(({ id }) => id === ana.member),
      ];
      expect(told.map((entry) => JSON.stringify(entry?.data))).toEqual([text, text, text]);
    },
  );

  it("[A5 G6] the largest presence data with wide characters survives a sleep", async () => {
    const room = uniqueRoom();
    const data = `${"x".repeat(1019)}中`;
    const [ana, bob] = [await join(room, { presence: data }), await join(room)];

    await evict(room);
    await bob.publish("wake", 1);

    expect((await (await join(room)).welcome()).members).toContainEqual({ id: ana.member, data });
  });
});

describe("leaves", () => {
  it("[M2 G9] a member that closes its connection in order has left", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await join(room)];

    bob.close(1000);
    cem.close();
    const left = [
      await ana.inbox.take("presence", (frame) => frame.left !== undefined),
      await ana.inbox.take("presence", (frame) => frame.left !== undefined),
    ];

    expect(left).toEqual([
      {
        type: "presence",
        roster: expect.any(String) as string,
        left: [{ id: bob.member, reason: "left" }],
        count: 2,
      },
      {
        type: "presence",
        roster: expect.any(String) as string,
        left: [{ id: cem.member, reason: "left" }],
        count: 1,
      },
    ]);
  });

  it("[M2 G9] a member whose connection is lost is disconnected", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await joinCuttable(room);

    await bob.cut();

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toEqual({
      type: "presence",
      roster: expect.any(String) as string,
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[M2 S3] an SSE member whose stream ends is disconnected, because it sent no leave", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    bob.vanish();

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[A6 M2] a leave ends the membership immediately, and the connection is closed with left", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    bob.send({ type: "leave" });

    expect(await bob.closed).toMatchObject({ code: 4507 });
    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "left" }],
    });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[M2 G9] a leave and a simultaneous close are announced as one leave", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    bob.send({ type: "leave" });
    bob.close(1000);
    await bob.closed;
    await ana.publish("mark", 1);

    expect(presenceOf(ana)).toMatchObject([{ joined: [{}] }, { left: [{ id: bob.member, reason: "left" }] }]);
  });

  it("[M2] acts after a leave in the same frame have no effect", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    bob.send([
      { type: "leave" },
      { type: "publish", event: "ghost" },
      { type: "presence", data: 1 },
      { type: "leave" },
    ]);
    await bob.closed;
    await ana.publish("mark", 1);

    expect(ana.inbox.messages).toMatchObject([{ offset: 1, event: "mark" }]);
    expect(presenceOf(ana)).toMatchObject([{ joined: [{}] }, { left: [{ id: bob.member }], count: 1 }]);
  });

  it("[M2 G9] a member that is closed for abuse is announced as removed", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    for (let n = 0; n < 4; n++) bob.send(Array.from({ length: 64 }, () => ({ type: "publish" })));

    expect(await ana.inbox.take("presence", (frame) => frame.left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "removed" }],
    });
  });

  it("[G9] a client that rejoins as the same member after a leave is announced again, with its new data", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { presence: 1 })];
    bob.close(1000);
    await bob.closed;

    await join(room, { key: bob.key });
    await ana.publish("mark", 1);

    expect(presenceOf(ana)).toMatchObject([
      { joined: [{ id: bob.member, data: 1 }], count: 2 },
      { left: [{ id: bob.member }], count: 1 },
      { joined: [{ id: bob.member }], count: 2 },
    ]);
  });
});

describe("the mode count", () => {
  it("[M3] presence frames in the mode count hold counts, and are sent when the count changes", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: { mode: "count" } });
    const bob = await join(room);
    await bob.setPresence("busy");
    const cem = await joinSse(room, { query: { mode: "count" } });
    bob.close(1000);
    await bob.closed;
    await ana.publish("mark", 1);
    await cem.inbox.take("message");

    expect(presenceOf(ana)).toEqual([
      { type: "presence", roster: expect.any(String) as string, mode: "count", count: 2 },
      { type: "presence", roster: expect.any(String) as string, mode: "count", count: 3 },
      { type: "presence", roster: expect.any(String) as string, mode: "count", count: 2 },
    ]);
    expect(cem.inbox.all.filter(({ type }) => type === "presence")).toEqual([
      { type: "presence", roster: expect.any(String) as string, mode: "count", count: 2 },
    ]);
  });

  it("[M3 G12] a member in the mode count receives nothing about others except their messages", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: { mode: "count" } });
    const bob = await join(room, { presence: "hidden" });
    await bob.setPresence("hidden too");
    await ana.publish("mark", 1);

    expect(ana.inbox.texts.join()).not.toContain(bob.member);
    expect(ana.inbox.texts.join()).not.toContain("hidden");
  });
});

it("[G9 M1] a client that follows the presence frames after its welcome knows all members", async () => {
  const room = uniqueRoom();
  const ana = await join(room);
  const here = new Map((await ana.welcome()).members?.map(({ id, data }) => [id, data]));
  const members: WebSocketMember[] = [];
  for (let n = 0; n < 12; n++) {
    members.push(await join(room, n % 2 === 0 ? { presence: n } : {}));
    if (n % 3 === 0) members[n >> 1]?.send({ type: "presence", data: `again ${n}` });
    if (n % 4 === 3) members[n - 2]?.close(1000);
    if (n % 5 === 4) await evict(room);
  }
  await Promise.all(members.filter((_, n) => n % 4 === 1).map(({ closed }) => closed));
  await ana.publish("mark", 1);

  for (const frame of ana.inbox.all) {
    if (frame.type !== "presence") continue;
    for (const { id, data } of [...(frame.joined ?? []), ...(frame.updated ?? [])]) here.set(id, data);
    for (const { id } of frame.left ?? []) expect(here.delete(id)).toBe(true);
    expect(frame.left === undefined ? frame.count : here.size).toBe(frame.count);
  }
  const fresh = (await (await join(room)).welcome()).members ?? [];
  expect(new Map(fresh.slice(0, -1).map(({ id, data }) => [id, data]))).toEqual(here);
});
