import { describe, expect, it } from "vitest";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { stateOf } from "../support/state.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

const { maxStateKeys: MAX_KEYS, maxStateBytes: MAX_BYTES } = TEST_KINDS.small;

/** A member of a room with the smallest possible limits of the state. */
async function member(): Promise<{ room: string; ana: WebSocketMember }> {
  const room = uniqueRoom("small");
  return { room, ana: await join(room, { to: serveKinds }) };
}

/** Keys `k0`, `k1` and so on, each with the value 0. */
function keys(count: number, from = 0): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, 0]));
}

/** A string of this many bytes as JSON in UTF-8, mostly of characters of three bytes. */
function valueOf(bytes: number): string {
  const room = bytes - '""'.length;
  return `${"中".repeat(Math.floor(room / 3))}${"x".repeat(room % 3)}`;
}

/** The size of a room's state, counted as in rule T5. */
async function sizeOf(room: string): Promise<number> {
  const { shared } = await stateOf(room, serveKinds);
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  return Array.from(shared, ([key, [value]]) => bytes(key) + bytes(JSON.stringify(value))).reduce(
    (sum, size) => sum + size,
    0,
  );
}

/** Stores rows as a larger limit would have allowed. */
async function store(room: string, entries: Readonly<Record<string, unknown>>): Promise<void> {
  await kindsRoom(room).inside(({ storage }) => {
    for (const [key, value] of Object.entries(entries)) {
      storage.sql.exec(
        "INSERT INTO state (key, value, version) VALUES (?, ?, 1)",
        ...[JSON.stringify(key), JSON.stringify(value)],
      );
    }
  });
  await kindsRoom(room).evict();
}

const FULL_OF_KEYS = { type: "error", code: "state_full", limit: "maxStateKeys" };
const FULL_OF_BYTES = { type: "error", code: "state_full", limit: "maxStateBytes" };

describe("the limit of state keys", () => {
  it("[T5] exactly maxStateKeys are accepted, and one more is state_full", async () => {
    const { room, ana } = await member();

    expect(await ana.act({ type: "set", set: keys(MAX_KEYS + 1) })).toMatchObject(FULL_OF_KEYS);
    expect(await ana.act({ type: "set", set: keys(MAX_KEYS) })).toMatchObject({ offset: 1 });
    expect(await ana.act({ type: "set", set: { more: 1 } })).toMatchObject(FULL_OF_KEYS);
    expect((await stateOf(room, serveKinds)).shared.size).toBe(MAX_KEYS);
  });

  it("[T5] a full state accepts changes of its keys, and the replacement of one key by another", async () => {
    const { room, ana } = await member();
    await ana.act({ type: "set", set: keys(MAX_KEYS) });

    expect(await ana.act({ type: "set", set: { k0: "other" } })).toMatchObject({ offset: 2 });
    expect(await ana.act({ type: "set", set: { more: 1 }, delete: ["k1"] })).toMatchObject({ offset: 3 });
    expect(await ana.act({ type: "set", set: { evenMore: 1 }, delete: ["never"] })).toMatchObject(
      FULL_OF_KEYS,
    );
    expect([...(await stateOf(room, serveKinds)).shared.keys()].toSorted()).toEqual([
      "k0",
      "k2",
      "k3",
      "more",
    ]);
  });

  it("[T5 T2 F1] each act of a frame is checked against the keys that earlier acts in it have set", async () => {
    const { ana } = await member();

    ana.send([
      { type: "set", ref: 1, set: keys(MAX_KEYS) },
      { type: "set", ref: 2, set: { more: 1 } },
      { type: "set", ref: 3, delete: ["k0"] },
      { type: "set", ref: 4, set: { more: 1 } },
      { type: "set", ref: 5, set: { k0: 0 } },
    ]);
    await ana.inbox.take("ack", ({ ref }) => ref === 4);

    expect(ana.inbox.all.filter(({ type }) => type === "error")).toMatchObject([
      { ...FULL_OF_KEYS, ref: 2 },
      { ...FULL_OF_KEYS, ref: 5 },
    ]);
  });

  it("[T5 T3] keys that are deleted with their member make room", async () => {
    const { room, ana } = await member();
    const bob = await join(room, { to: serveKinds });
    await ana.act({ type: "set", set: keys(MAX_KEYS), own: true });
    expect(await bob.act({ type: "set", set: { more: 1 } })).toMatchObject(FULL_OF_KEYS);

    ana.send({ type: "leave" });
    await bob.inbox.take("presence", ({ left }) => left !== undefined);

    expect(await bob.act({ type: "set", set: keys(MAX_KEYS, 10) })).toMatchObject({ type: "ack" });
  });
});

describe("the limit of state bytes", () => {
  it("[T5] exactly maxStateBytes of names and values in UTF-8 are accepted, and one more is state_full", async () => {
    const { room, ana } = await member();
    const key = "ключ😀"; // 12 bytes
    await ana.act({ type: "set", set: { [key]: valueOf(500) } }); // 512

    const over = await ana.act({ type: "set", set: { é: valueOf(MAX_BYTES - 512 - 2 + 1) } });
    const exact = await ana.act({ type: "set", set: { é: valueOf(MAX_BYTES - 512 - 2) } });
    const more = await ana.act({ type: "set", set: { [key]: valueOf(501) } });

    expect(over).toMatchObject(FULL_OF_BYTES);
    expect(exact).toMatchObject({ offset: 2 });
    expect(more).toMatchObject(FULL_OF_BYTES);
    expect(await sizeOf(room)).toBe(MAX_BYTES);
  });

  it("[T5] a lone surrogate counts as its escape in a value, and as three bytes in a name", async () => {
    const { ana } = await member();
    const name = "\ud800"; // 3 bytes
    const value = (bytes: number): string => `\udfff${"x".repeat(bytes - String.raw`"\udfff"`.length)}`;

    expect(await ana.act({ type: "set", set: { [name]: value(MAX_BYTES - 2) } })).toMatchObject(
      FULL_OF_BYTES,
    );
    expect(await ana.act({ type: "set", set: { [name]: value(MAX_BYTES - 3) } })).toMatchObject({
      offset: 1,
    });
  });

  it("[T5] replaced values do not count, asleep and awake", async () => {
    const { room, ana } = await member();
    for (let n = 1; n <= 5; n++) {
      const answer = await ana.act({ type: "set", set: { k: valueOf(MAX_BYTES - 1 - (n % 3)) } });
      expect(answer).toMatchObject({ offset: n });
      if (n % 2 === 0) await kindsRoom(room).evict();
    }
    await ana.act({ type: "set", delete: ["k"] });

    expect(await ana.act({ type: "set", set: { other: valueOf(MAX_BYTES - 5) } })).toMatchObject({
      offset: 7,
    });
  });

  it("[T5] numbers count as they are serialized", async () => {
    const { room, ana } = await member();

    ana.send(`{"type":"set","ref":1,"set":{"k":[${Array(46).fill("1e20").join(",")}]}}`); // 46 × 22 + 1 + 1
    ana.send(`{"type":"set","ref":2,"set":{"l":[1e3,1]}}`); // 1 + 8
    expect(await ana.inbox.take("ack", ({ ref }) => ref === 1)).toMatchObject({ offset: 1 });

    expect(await ana.inbox.take("ack", ({ ref }) => ref === 2)).toMatchObject({ offset: 2 });
    expect(await sizeOf(room)).toBe(MAX_BYTES - 1);
    expect(await ana.ask('{"type":"set","ref":3,"set":{"m":1}}')).toMatchObject(FULL_OF_BYTES);
  });
});

describe("a state over its limits", () => {
  it("[T5] a state with too many bytes accepts only changes that make it smaller", async () => {
    const { room, ana } = await member();
    await store(room, { a: "x".repeat(2 * MAX_BYTES), b: "x".repeat(100), c: 1 });

    expect(await ana.act({ type: "set", set: { b: "x".repeat(101) } })).toMatchObject(FULL_OF_BYTES);
    expect(await ana.act({ type: "set", set: { b: "y".repeat(100) } })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", set: { a: "x".repeat(2 * MAX_BYTES - 1) } })).toMatchObject({
      type: "ack",
    });
    expect(await ana.act({ type: "set", set: { d: 1 }, delete: ["b"] })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", delete: ["a"] })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", set: { a: "x".repeat(MAX_BYTES / 2) } })).toMatchObject({
      type: "ack",
    });
  });

  it("[T5] a state with too many keys accepts changes and deletions, and no new key until it has room", async () => {
    const { room, ana } = await member();
    await store(room, keys(MAX_KEYS + 2));

    expect(await ana.act({ type: "set", set: { more: 1 } })).toMatchObject(FULL_OF_KEYS);
    expect(await ana.act({ type: "set", set: { k0: "changed" } })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", set: { more: 1 }, delete: ["k0"] })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", delete: ["k1", "k2"] })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", set: { evenMore: 1 } })).toMatchObject(FULL_OF_KEYS);
    expect(await ana.act({ type: "set", delete: ["k3"] })).toMatchObject({ type: "ack" });
    expect(await ana.act({ type: "set", set: { evenMore: 1 } })).toMatchObject({ type: "ack" });
  });
});

it("[T5 W5] the welcome reports both limits, and contains a full state completely", async () => {
  const { room, ana } = await member();
  await ana.act({ type: "set", set: { k: valueOf(MAX_BYTES - 1) } });
  await kindsRoom(room).evict();

  const welcome = await (await rejoin(room, ana, { to: serveKinds, query: { state: "1" } })).welcome();

  expect(welcome.limits).toMatchObject({ maxStateKeys: MAX_KEYS, maxStateBytes: MAX_BYTES });
  expect(welcome.state).toEqual({ k: [valueOf(MAX_BYTES - 1), 1] });
});
