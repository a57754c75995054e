import { describe, expect, it } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { crash, evict, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { stateOf } from "../support/state.ts";
import { join, rejoin } from "../support/websocket.ts";

describe("a change of the state", () => {
  it("[T1 A2 G5] a change of the state reaches everyone over any transport, including its sender, and is acked", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];

    const ack = await ana.act({ type: "set", set: { score: 10, name: { a: [null] } } }, 7);

    expect(ack).toEqual({ type: "ack", ref: 7, offset: 1 });
    for (const { inbox } of [ana, bob, cem]) {
      expect(await inbox.take("state")).toEqual({
        type: "state",
        offset: 1,
        time: expect.any(Number) as number,
        from: ana.member,
        set: { score: 10, name: { a: [null] } },
      });
    }
    expect(JSON.parse(ana.inbox.texts.at(-1) ?? "")).toMatchObject([{ type: "state" }, { type: "ack" }]);
  });

  it("[T1] a change of the state sets and deletes keys, and its frame reports both", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.act({ type: "set", set: { a: 1, b: 2, c: 3 } });

    await ana.act({ type: "set", set: { a: 4 }, delete: ["b"] });
    await ana.act({ type: "set", delete: ["c", "never"] });

    const [, both, deleted] = ana.inbox.all.filter(({ type }) => type === "state");
    expect(both).toEqual({ ...both, set: { a: 4 }, delete: ["b"] });
    expect(deleted).not.toHaveProperty("set");
    expect(deleted).toMatchObject({ delete: ["c", "never"] });
    expect((await stateOf(room)).shared).toEqual(new Map([["a", [4, 2]]]));
  });

  it("[T1 F1 P2] changes of the state and messages have one common order", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([
      { type: "publish", ref: 1, event: "e" },
      { type: "set", ref: 2, set: { k: 1 } },
      { type: "publish", event: "v", volatile: true },
      { type: "set", ref: 3, delete: ["k"] },
      { type: "publish", ref: 4, event: "e" },
    ]);
    await bob.inbox.take("message", ({ offset }) => offset === 4);

    expect(JSON.parse(bob.inbox.texts.at(-1) ?? "")).toMatchObject([
      { type: "message", offset: 1 },
      { type: "state", offset: 2 },
      { type: "state", offset: 3 },
      { type: "message", offset: 4 },
      { type: "message", event: "v" },
    ]);
  });

  it("[T1 H1 H2 G5] a set by POST gets the ack, or the error with its status", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];
    await ana.act({ type: "set", set: { mine: 1 }, own: true });

    expect(await bob.post({ type: "set", ref: 1, set: { k: 1 } })).toMatchObject({
      status: 200,
      body: { type: "ack", ref: 1, offset: 2 },
    });
    expect(await bob.post({ type: "set", ref: 2, set: { k: 2 }, if: { k: 0 } })).toMatchObject({
      status: 409,
      body: { type: "error", ref: 2, code: "conflict", versions: { k: 2 } },
    });
    expect(await bob.post({ type: "set", ref: 3, set: { mine: 2 } })).toMatchObject({
      status: 403,
      body: { ref: 3, code: "not_owner" },
    });
    expect((await bob.post([{ type: "set", delete: ["k"] }, { type: "set" }])).body).toMatchObject([
      { type: "ack", offset: 3 },
      { type: "error", code: "bad_frame" },
    ]);
    await ana.inbox.take("state", ({ offset }) => offset === 3);
    expect(ana.inbox.all.flatMap((frame) => (frame.type === "state" ? [frame.from] : []))).toEqual([
      ana.member,
      bob.member,
      bob.member,
    ]);
  });

  it("[T1 H1 N3] a set from a session that never joined is not_joined, and creates nothing", async () => {
    const [room, key] = [uniqueRoom(), randomKey()];
    const { session } = await deriveIdentity(room, "", key);

    expect(await post(room, { session, key }, { type: "set", ref: 1, set: { k: 1 } })).toMatchObject({
      status: 409,
      body: { ref: 1, code: "not_joined" },
    });
    expect(await tablesOf(room)).toEqual([]);
  });

  it("[A8 H5 T1] changes of the state are not in history, and do not count for its more", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.act({ type: "set", set: { k: 1 } });
    await ana.publish("e", 1);
    await ana.act({ type: "set", set: { k: 2 } });

    ana.send({ type: "history", ref: 9, after: 0, limit: 1 });
    const page = await ana.inbox.take("history");
    const newest = await (await request(roomPath(room, "/history?limit=1"))).json();

    expect(page).toMatchObject({ messages: [{ type: "message", offset: 2 }], more: false });
    expect(newest).toMatchObject({ messages: [{ offset: 2 }], more: false, position: ana.position });
  });

  it.each([
    ["no keys", { set: {} }],
    ["nothing", {}],
    ["an empty key", { set: { "": 1 } }],
    ["a key of 65 characters", { set: { ["k".repeat(65)]: 1 } }],
    ["a key to delete that is not a string", { delete: [1] }],
    ["a key to compare that is too long", { set: { k: 1 }, if: { ["k".repeat(65)]: 0 } }],
    ["a set that is an array", { set: [1] }],
    ["a delete that is an object", { delete: { k: 1 } }],
    ["a version below 0", { set: { k: 1 }, if: { k: -1 } }],
    ["a version that is not a number", { set: { k: 1 }, if: { k: "1" } }],
    ["a version of null", { set: { k: 1 }, if: { k: null } }],
    ["an own that is not a boolean", { set: { k: 1 }, own: 1 }],
    ["a key both set and deleted", { set: { k: 1 }, delete: ["k"] }],
    ["a key deleted twice", { delete: ["k", "k"] }],
    ["65 keys", { delete: Array.from({ length: 65 }, (_, n) => `k${n}`) }],
  ])("[T1 F2] a set with %s is bad_frame, and changes nothing", async (_what, fields) => {
    const room = uniqueRoom();
    const ana = await join(room);

    expect(await ana.ask({ type: "set", ref: 1, ...fields })).toMatchObject({ ref: 1, code: "bad_frame" });
    expect(await stateOf(room)).toMatchObject({ shared: new Map(), stateOffset: 0 });
  });

  it("[T1] a set may name 64 keys of 64 characters", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const keys = Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(64, "中"));

    const ack = await ana.act({ type: "set", set: Object.fromEntries(keys.map((key) => [key, key])) });

    expect(ack).toMatchObject({ offset: 1 });
    expect([...(await stateOf(room)).shared.keys()].toSorted()).toEqual(keys.toSorted());
  });
});

describe("versions of state keys", () => {
  it("[T2] a key's version is the offset that set it, and 0 while it is absent", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1);

    expect(await ana.act({ type: "set", set: { k: 1 }, if: { k: 0 } })).toMatchObject({ offset: 2 });
    expect(await ana.act({ type: "set", set: { k: 2 }, if: { k: 2 } })).toMatchObject({ offset: 3 });
    expect(await ana.act({ type: "set", delete: ["k"], if: { k: 3 } })).toMatchObject({ offset: 4 });
    expect(await ana.act({ type: "set", set: { k: 3 }, if: { k: 0 } })).toMatchObject({ offset: 5 });
    expect((await stateOf(room)).shared).toEqual(new Map([["k", [3, 5]]]));
  });

  it("[T2] a conflict reports the versions of all compared keys, and the act changes nothing", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await ana.act({ type: "set", set: { a: 1 } });
    await ana.act({ type: "set", set: { b: 1, d: 1 } });

    const answer = await bob.act({
      type: "set",
      set: { a: 2, c: 2 },
      delete: ["d"],
      if: { a: 1, b: 1, absent: 0 },
    });

    expect(answer).toEqual({
      type: "error",
      ref: 1,
      code: "conflict",
      message: 'key "b" has version 2, not 1; read it again and retry',
      versions: { a: 1, b: 2, absent: 0 },
    });
    expect(await stateOf(room)).toMatchObject({
      shared: new Map([
        ["a", [1, 1]],
        ["b", [1, 2]],
        ["d", [1, 2]],
      ]),
      stateOffset: 2,
    });
    expect(await bob.publish("e", 1)).toMatchObject({ offset: 3 });
  });

  it("[T2 F1] each act of a frame sees the changes of the acts before it", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    ana.send([
      { type: "set", ref: 1, set: { k: 1 }, if: { k: 0 } },
      { type: "set", ref: 2, set: { k: 2 }, if: { k: 0 } },
      { type: "set", ref: 3, set: { k: 3 }, if: { k: 1 } },
      { type: "set", ref: 4, delete: ["k"], if: { k: 2 } },
      { type: "set", ref: 5, set: { k: 4 }, if: { k: 0 } },
      { type: "set", ref: 6, set: { other: 1 }, if: { k: 3 } },
    ]);
    await ana.inbox.take("ack", ({ ref }) => ref === 5);

    expect(ana.inbox.all.filter(({ type }) => type === "error")).toMatchObject([
      { ref: 2, code: "conflict", versions: { k: 1 } },
      { ref: 6, code: "conflict", versions: { k: 4 } },
    ]);
    expect((await stateOf(room)).shared).toEqual(new Map([["k", [4, 4]]]));
  });

  it("[T2 G1] no change is lost when members race with compare-and-set", async () => {
    const room = uniqueRoom();
    const members = [await join(room), await joinSse(room), await join(room), await joinSse(room)];

    const refusals = await Promise.all(
      members.map(async (member) => {
        const codes: string[] = [];
        for (let done = 0, ref = 1; done < 5; ref++) {
          const [value, version] = (await stateOf(room)).shared.get("n") ?? [0, 0];
          const set = { n: Number(value) + 1 };
          const answer = await member.act({ type: "set", set, if: { n: version } }, ref);
          if (answer.type === "ack") done++;
          else codes.push(answer.code);
        }
        return codes;
      }),
    );

    expect(new Set(refusals.flat())).toEqual(new Set(["conflict"]));
    expect((await stateOf(room)).shared).toEqual(new Map([["n", [20, 20]]]));
  });

  it.each([
    ["immediately", async () => undefined],
    ["after a sleep", (room: string) => evict(room)],
    ["after a crash", () => crash()],
  ])("[A3 T2 G3] a repeat of an applied compare-and-set gets its first ack: %s", async (_how, between) => {
    const room = uniqueRoom();
    const ana = await join(room);
    const act = { type: "set", set: { k: "mine" }, if: { k: 0 } };
    const first = await ana.act(act, 1);
    await ana.act({ type: "set", set: { k: "later" }, if: { k: 1 } }, 2);

    await between(room);
    const again = await rejoin(room, ana);

    expect(await again.act(act, 1)).toEqual(first);
    expect((await post(room, ana, { ...act, ref: 1 })).body).toEqual(first);
    expect((await stateOf(room)).shared).toEqual(new Map([["k", ["later", 2]]]));
    expect(await again.act(act, 3)).toMatchObject({ code: "conflict", versions: { k: 2 } });
  });

  it("[A3 T2] a repeat within the same frame gets two acks and takes effect once", async () => {
    const ana = await join(uniqueRoom());
    const act = { type: "set", ref: 1, set: { k: 1 }, if: { k: 0 } };

    ana.send([act, act]);
    await ana.inbox.until(({ all }) => all.filter(({ type }) => type === "ack").length === 2);

    expect(ana.inbox.all.slice(1)).toMatchObject([
      { type: "state", offset: 1 },
      { type: "ack", ref: 1, offset: 1 },
      { type: "ack", ref: 1, offset: 1 },
    ]);
  });
});
