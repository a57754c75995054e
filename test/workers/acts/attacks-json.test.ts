import { afterEach, describe, expect, it } from "vitest";
import { evict, infoOf, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { join, joinWebSocket, type WebSocketMember } from "../support/websocket.ts";

/** Names with a meaning for JavaScript objects. */
const POISON = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":1,"toString":null,"hasOwnProperty":0,"toJSON":"x","then":1}'; // prettier-ignore

/** The tests and their rooms share an isolate. So a change of the prototypes of all objects is visible here. */
afterEach(() => {
  if ("polluted" in {} || Object.keys(Object.prototype).length > 0)
    throw new Error("the prototype of all objects has been changed");
});

/** The last text with this part that a member received. */
function textWith({ inbox }: Pick<WebSocketMember, "inbox">, part: string): string | undefined {
  return inbox.texts.findLast((text) => text.includes(part));
}

async function textOf(room: string, part: string): Promise<string> {
  return (await request(roomPath(room, part))).text();
}

describe("names that JavaScript objects inherit", () => {
  it("[A1 G12] names that objects inherit are unchanged in data, live, replayed and over HTTP, and change no object", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    ana.send(`{"type":"publish","ref":1,"event":"__proto__","data":${POISON}}`);
    ana.send(`{"type":"publish","event":"constructor","key":"__proto__","volatile":true,"data":${POISON}}`);
    await bob.inbox.take("message", ({ event }) => event === "constructor");
    await evict(room);
    const again = await join(room, { query: { rewind: "9" } });
    await again.inbox.take("position");

    for (const reader of [bob, again])
      expect(textWith(reader, '"event":"__proto__"')).toContain(`"data":${POISON}`);
    expect(textWith(bob, '"event":"constructor"')).toContain(`"data":${POISON}`);
    expect(await textOf(room, "/history")).toContain(`"data":${POISON}`);
  });

  it("[T1 T2 T4 G12] names that objects inherit work as keys of the state, with values, versions and deletion", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send(`{"type":"set","ref":1,"set":${POISON}}`);
    await bob.inbox.take("state");
    await evict(room);
    const snapshot = await textOf(room, "/state");

    expect(textWith(bob, '"state"')).toContain(`"set":${POISON}`);
    expect(snapshot).toContain('"__proto__":[{"polluted":1},1]');
    expect(snapshot).toContain('"constructor":[{"prototype":{"polluted":1}},1]');
    await ana.inbox.take("ack");
    const stale = await ana.ask('{"type":"set","ref":2,"set":{"__proto__":2},"if":{"__proto__":0}}');
    expect(JSON.stringify(stale)).toContain('"versions":{"__proto__":1}');
    ana.send(
      '{"type":"set","ref":3,"set":{"valueOf":1},"delete":["__proto__","constructor"],"if":{"__proto__":1}}',
    );
    expect(await ana.inbox.take("ack", ({ ref }) => ref === 3)).toMatchObject({ offset: 2 });
    expect(await textOf(room, "/state")).not.toMatch(/__proto__|constructor/);
  });

  it("[A5 J7 G12] names that objects inherit work in presence data, from a join and later", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await join(room, { query: { presence: POISON } });
    await bob.inbox.take("presence");
    expect(textWith(bob, '"joined"')).toContain(POISON);
    ana.send(`{"type":"presence","ref":1,"data":[${POISON}]}`);
    await bob.inbox.take("presence");

    expect(textWith(bob, '"updated"')).toContain(`[${POISON}]`);
    expect(await textOf(room, "/members")).toContain(`[${POISON}]`);
  });

  it("[F2 G12] names that objects inherit are not fields of an act, and their values are ignored", async () => {
    const ana = await join(uniqueRoom());

    expect(await ana.ask('{"__proto__":{"type":"publish","event":"e"},"ref":1}')).toMatchObject({
      code: "unknown_type",
    });
    expect(await ana.ask('{"type":"publish","ref":2,"__proto__":{"event":"e"}}')).toMatchObject({
      code: "bad_frame",
    });
    for (const type of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(await ana.ask({ type, ref: 3 })).toMatchObject({ code: "unknown_type", ref: 3 });
    }
  });

  it("[J7 H5 G12] names that objects inherit are not parameters", async () => {
    const room = uniqueRoom();
    const query = {
      __proto__: null,
      constructor: "x",
      "mode[__proto__]": "count",
      "__proto__[mode]": "count",
    };

    expect(await (await join(room, { query: { ...query } as never })).welcome()).toMatchObject({
      mode: "list",
    });
    expect((await request(roomPath(room, "/history?__proto__=1&constructor=2"))).status).toBe(200);
    expect((await request(roomPath(room, "/members?after=__proto__"))).status).toBe(400);
  });
});

describe("deeply nested or repeated JSON", () => {
  const deep = (depth: number, [open, close] = ["[", "]"]): string =>
    open.repeat(depth) + close.repeat(depth);

  /** Frames that are rejected as a whole. Each is below the limit of bytes. */
  const BOMBS: readonly [what: string, text: string, code: string][] = [
    ["a frame 10,000 arrays deep", `{"type":"publish","event":"e","data":${deep(10_000)}}`, "bad_frame"],
    ["a frame 10,000 objects deep", `{"type":"publish","event":"e","data":${deep(10_000, ['{"a":', "}"]).replace(":}", ":1}")}}`, "bad_frame"], // prettier-ignore
    ["a frame of 10,000 unclosed arrays", "[".repeat(10_000), "bad_frame"],
    ["a frame that is nothing but 30,000 nested arrays", deep(30_000), "bad_frame"],
    ["a frame 65 deep", `{"type":"publish","event":"e","data":${deep(64)}}`, "bad_frame"],
    ["a frame of 65 messages", `[${Array(65).fill('{"type":"leave"}').join(",")}]`, "too_many_items"],
    ["a frame of 13,000 nulls", `[${Array(13_000).fill("null").join(",")}]`, "too_many_items"],
    ["a frame without messages", "[]", "bad_frame"],
    ["a frame with a name of 60,000 characters", `{"${"a".repeat(60_000)}`, "bad_frame"],
    [
      "a frame with an unfinished number",
      `{"type":"publish","event":"e","data":${"9".repeat(400)}e}`,
      "bad_frame",
    ],
  ];

  it.each(BOMBS)(
    "[F1 F2 G10] %s is rejected, over WebSocket and by POST, and its sender stays connected",
    async (_what, text, code) => {
      const room = uniqueRoom();
      const ana = await join(room);

      expect(await ana.ask(text)).toMatchObject({ type: "error", code });
      expect((await post(room, ana, text)).body).toMatchObject({ type: "error", code });
      expect(await ana.publish("still", 1)).toMatchObject({ offset: 1 });
    },
  );

  it("[F1 F2] a frame of 64 messages, each 63 deep within its array, is accepted", async () => {
    const ana = await join(uniqueRoom());
    const items = Array.from(
      { length: 64 },
      (_, n) => `{"type":"publish","ref":${n + 1},"event":"e","data":${deep(62)}}`,
    );

    ana.send(`[${items.join(",")}]`);

    await ana.inbox.until(({ messages }) => messages.length === 64);
    expect(JSON.stringify(ana.inbox.messages[63]?.data)).toBe(deep(62));
  });

  it("[J7 G10] a deeply nested presence in a join is rejected, over either transport", async () => {
    for (const presence of [deep(3_000), `{"a":${deep(64)}}`, "{", '"\u0000"']) {
      const socket = await joinWebSocket(uniqueRoom(), { query: { presence } });
      const reader = await openEvents(uniqueRoom(), { query: { presence } });

      expect(await socket.inbox.take("error")).toMatchObject({ code: "bad_request" });
      expect(await reader.inbox.take("error")).toMatchObject({ code: "bad_request" });
    }
  });

  it.each([
    ["-0", "0"],
    ["1.0", "1"],
    ["0.10000000000000000555", "0.1"],
    ['{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'],
    [String.raw`"\u0000\u001f\u2028"`, '"\\u0000\\u001f\u2028"'],
  ])("[A1 T1 A5 G1] %s is delivered as %s to everyone, live and later", async (sent, told) => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send(`{"type":"publish","ref":1,"event":"e","data":${sent}}`);
    ana.send(`{"type":"set","ref":2,"set":{"k":${sent}}}`);
    ana.send(`{"type":"presence","ref":3,"data":${sent}}`);
    await ana.inbox.take("ack", ({ ref }) => ref === 3);
    await bob.inbox.take("presence", ({ updated }) => updated !== undefined);
    await evict(room);

    for (const reader of [ana, bob]) {
      expect(textWith(reader, '"event":"e"')).toContain(`"data":${told}`);
      expect(textWith(reader, '"set"')).toContain(`{"k":${told}}`);
    }
    expect(await textOf(room, "/history")).toContain(`"data":${told}`);
    expect(await textOf(room, "/state")).toContain(`"k":[${told},2]`);
    expect(await textOf(room, "/members")).toContain(`"data":${told}`);
  });

  it.each(["1e400", "-1", "0", "1.5", "9007199254740993", '"1"', "[1]", "{}"])(
    "[F5 F2] a ref of %s is rejected",
    async (ref) => {
      const ana = await join(uniqueRoom());

      expect(await ana.ask(`{"type":"publish","event":"e","ref":${ref}}`)).toEqual({
        type: "error",
        code: "bad_frame",
        message: expect.stringMatching(/^ref is .+, must be a whole number from 1 to 2\^53 - 1$/) as string,
      });
    },
  );

  it.each([
    ["a high surrogate", String.raw`\ud800`],
    ["a low surrogate", String.raw`x\udfff`],
    ["both in the wrong order", String.raw`\udc00\ud800`],
  ])(
    "[A1 T1 G1] a lone surrogate (%s) in names and data is unchanged, before and after a sleep",
    async (_what, name) => {
      const room = uniqueRoom();
      const [ana, bob] = [await join(room, { query: { presence: `"${name}"` } }), await joinSse(room)];

      ana.send(`{"type":"publish","ref":1,"event":"${name}","data":{"${name}":"${name}"}}`);
      ana.send(`{"type":"set","ref":2,"set":{"${name}":"${name}"},"own":true}`);
      await bob.inbox.take("state");
      await evict(room);
      const again = await join(room, { query: { rewind: "9" } });
      await again.inbox.take("position");

      const data = `"event":"${name}","data":{"${name}":"${name}"}`;
      for (const reader of [bob, again]) expect(textWith(reader, '"event"')).toContain(data);
      expect(await textOf(room, "/state")).toContain(`"${name}":["${name}",2]`);
      expect(await textOf(room, "/members")).toContain(`"data":"${name}"`);
      expect(await again.ask(`{"type":"set","ref":1,"delete":["${name}"]}`)).toMatchObject({
        code: "not_owner",
      });
      ana.send(`{"type":"leave"}`);
      await again.inbox.take("presence", ({ left }) => left !== undefined);
      expect(await textOf(room, "/state")).toContain('"state":{}');
      expect(await infoOf(room)).toMatchObject({ members: 2 });
    },
  );
});
