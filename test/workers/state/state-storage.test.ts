import { describe, expect, it } from "vitest";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { crash, evict, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { StateFold, refuseRows, stateOf } from "../support/state.ts";
import { join, rejoin } from "../support/websocket.ts";

/** JSON text, because not every string survives as a literal. */
const ODD_TEXTS = [
  ["an object's prototype", '"__proto__"'],
  ["what objects inherit", '"constructor"'],
  ["NUL", String.raw`"\u0000a\u0000"`],
  ["a lone high surrogate", String.raw`"\ud800"`],
  ["a lone low surrogate", String.raw`"x\udfffx"`],
  ["emoji", '"👩‍👩‍👧‍👦"'],
  ["quotes and a backslash", String.raw`"\"\\'"`],
  ["a newline, as SSE has them", String.raw`"\r\ndata: x\n\n"`],
  ["line separators and a byte order mark", JSON.stringify("\u2028\u2029\ufeff")],
  ["a number", '"0"'],
  ["an SQL quote", `"'; DROP TABLE state; --"`],
] as const;

describe("unusual keys and values", () => {
  it.each(ODD_TEXTS)(
    "[T1 T2 T4 G6] %s works as a key and a value like any other: live, over SSE, replayed, asleep and after a crash",
    async (_what, text) => {
      const room = uniqueRoom();
      const [ana, bob, cem] = [await join(room), await joinSse(room), await join(room)];
      const key = JSON.parse(text) as string;
      cem.close(1000);
      await cem.closed;

      ana.send(`{"type":"set","ref":1,"set":{${text}:${text}},"if":{${text}:0}}`);
      await ana.inbox.take("ack");
      await bob.inbox.take("state");
      const awake = await stateOf(room);
      await evict(room);
      const asleep = await stateOf(room);
      const replayed = await rejoin(room, cem);
      await replayed.inbox.take("position");
      await crash();
      const again = await rejoin(room, ana, { query: { state: "1" } });

      for (const { inbox } of [ana, bob, replayed]) {
        expect(inbox.texts.some((received) => received.includes(`"set":{${text}:${text}}`))).toBe(true);
        expect(new StateFold().read(inbox.all).shared).toEqual(new Map([[key, [key, 1]]]));
      }
      expect(awake.shared).toEqual(new Map([[key, [key, 1]]]));
      expect(asleep).toEqual(awake);
      expect(new StateFold().read(again.inbox.all).shared).toEqual(awake.shared);

      expect(await again.ask(`{"type":"set","ref":2,"delete":[${text}],"if":{${text}:0}}`)).toMatchObject({
        code: "conflict",
      });
      expect(again.inbox.texts.at(-1)).toContain(`"versions":{${text}:1}`);
      again.send(`{"type":"set","ref":3,"delete":[${text}],"if":{${text}:1}}`);
      expect(await again.inbox.take("ack")).toMatchObject({ offset: 2 });
      expect((await stateOf(room)).shared).toEqual(new Map());
    },
  );

  it("[T2 H1] a conflict over the key __proto__ is reported over HTTP too", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);

    const { body } = await bob.post('{"type":"set","ref":1,"set":{"k":1},"if":{"__proto__":7}}');

    expect(JSON.stringify(body)).toContain('"versions":{"__proto__":0}');
  });

  it.each([
    ["numbers", "[100000000000000000000,1.7976931348623157e+308,5e-324,-1]"],
    ["one of each empty value", '[null,false,0,"",[],{}]'],
    ["keys that look like numbers", '{"1":1,"2":2,"b":3,"a":4}'],
    ["keys that objects inherit", '{"__proto__":{"a":1},"constructor":2,"toJSON":3}'],
    ["deep nesting", `${"[".repeat(62)}${"]".repeat(62)}`],
    ["null", "null"],
  ])(
    "[T1 T4 G6] a value with %s is the same in the frame and in the snapshot after a sleep",
    async (_what, text) => {
      const room = uniqueRoom();
      const ana = await join(room);

      ana.send(`{"type":"set","ref":1,"set":{"k":${text}}}`);
      await ana.inbox.take("ack");
      await evict(room);
      const bob = await join(room);

      expect(ana.inbox.texts.join()).toContain(`"set":{"k":${text}}`);
      expect(bob.inbox.texts.join()).toContain(`"state":{"k":[${text},1]}`);
    },
  );
});

describe("storage failures", () => {
  it.each(["segment", "state"] as const)(
    "[T1 A2 G2] if a row of the table %s cannot be stored, the state is unchanged, and publishers get unavailable",
    async (table) => {
      const room = uniqueRoom();
      const [ana, bob] = [await join(room), await joinSse(room)];
      await ana.act({ type: "set", set: { k: 1, gone: 1 } });
      const before = await stateOf(room);
      const accept = await refuseRows(room, table);

      ana.send([
        { type: "set", ref: 2, set: { k: 2 }, delete: ["gone"], if: { k: 1 } },
        { type: "publish", ref: 3, event: "e" },
      ]);
      const refused = [await ana.inbox.take("error"), await ana.inbox.take("error")];
      const byPost = await bob.post({ type: "set", ref: 1, set: { k: 3 }, if: { k: 1 } });
      const meanwhile = await stateOf(room);
      await accept();
      await evict(room);

      expect(refused).toMatchObject([
        { ref: 2, code: "unavailable" },
        { ref: 3, code: "unavailable" },
      ]);
      expect(byPost).toMatchObject({ status: 503, body: { ref: 1, code: "unavailable" } });
      expect(meanwhile).toEqual(before);
      expect(await stateOf(room)).toEqual(before);
      expect(await ana.act({ type: "set", set: { k: 2 }, if: { k: 1 } }, 2)).toMatchObject({ offset: 2 });
      await bob.inbox.take("state", ({ offset }) => offset === 2);
      expect(bob.inbox.all.filter(({ type }) => type === "state")).toHaveLength(2);
    },
  );
});

describe("rooms that store nothing", () => {
  it("[T6] a room with history in memory keeps the state while it is awake", async () => {
    const room = uniqueRoom("memory");
    const ana = await join(room, { to: serveKinds });
    await ana.act({ type: "set", set: { k: 1 } });

    const awake = await join(room, { to: serveKinds });
    await kindsRoom(room).evict();
    const later = await join(room, { to: serveKinds });

    expect(await awake.welcome()).toMatchObject({ state: { k: [1, 1] }, stateOffset: 1 });
    expect(await later.welcome()).toMatchObject({ state: {}, stateOffset: 0 });
    expect(await stateOf(room, serveKinds)).toMatchObject({ shared: new Map(), stateOffset: 0 });
  });

  it("[T6 T2] a room without history has state as well", async () => {
    const room = uniqueRoom("none");
    const [ana, bob] = [await join(room, { to: serveKinds }), await join(room, { to: serveKinds })];

    await ana.act({ type: "set", set: { k: 1 }, if: { k: 0 } });

    expect(await bob.inbox.take("state")).toMatchObject({ offset: 1, set: { k: 1 } });
    expect(await bob.act({ type: "set", set: { k: 2 }, if: { k: 0 } })).toMatchObject({ code: "conflict" });
    expect(await bob.act({ type: "set", set: { k: 2 }, if: { k: 1 } })).toMatchObject({ offset: 2 });
    expect((await stateOf(room, serveKinds)).shared).toEqual(new Map([["k", [2, 2]]]));
  });

  it("[T6 T3] a room that stores nothing deletes a member's own keys when the member leaves", async () => {
    const room = uniqueRoom("memory");
    const [ana, bob] = [await join(room, { to: serveKinds }), await join(room, { to: serveKinds })];
    await ana.act({ type: "set", set: { mine: 1, ours: 1 }, own: true });
    await ana.act({ type: "set", set: { ours: 2 } });

    ana.close(1000);

    expect(await bob.inbox.take("state", (frame) => frame.delete !== undefined)).toMatchObject({
      offset: 3,
      from: ana.member,
      delete: ["mine"],
    });
  });
});
