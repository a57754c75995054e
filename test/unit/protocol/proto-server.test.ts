import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { decodeServerFrames } from "../../../src/protocol/proto/server-decode.ts";
import { encodeServerFrames } from "../../../src/protocol/proto/server-encode.ts";
import { cases, drawn } from "../../support/fuzzing.ts";

/** Text that UTF-8 can encode: without lone surrogates. */
const text = fc.string({ unit: "binary", maxLength: 12 });
const name = fc.oneof(
  fc.constantFrom("a", "__proto__", "constructor", "", "\ufeff", "\ufeffx", "\0", "😀", "room"),
  text,
);
const id = fc.string({
  unit: fc.constantFrom("A", "Z", "a", "z", "0", "9", "-", "_"),
  minLength: 22,
  maxLength: 22,
});
const json = fc.jsonValue({ maxDepth: 3 });
const count = fc.oneof(fc.nat({ max: 3 }), fc.maxSafeNat());
const uint32 = fc.nat({ max: 0xffff_ffff });
const time = fc.oneof(fc.constantFrom(0, 1_795_312_524_509, 1_795_312_524_510), fc.maxSafeNat());
const base64 = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("base64"));
const some = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> =>
  fc.array(value, { minLength: 1, maxLength: 3 });
const object = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> =>
  fc
    .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1, maxLength: 4 })
    .map((pairs) => Object.fromEntries(pairs));

/** A record with required fields and optional fields. */
function frame(type: string, always: object, maybe: object = {}): fc.Arbitrary<unknown> {
  const fields = { type: fc.constant(type), ...always, ...maybe };
  return fc.record(fields, { requiredKeys: ["type", ...(Object.keys(always) as never[])] });
}

const member = fc.record({ id, user: name, info: json, data: json }, { requiredKeys: ["id"] });
const from = fc.oneof({ weight: 4, arbitrary: fc.constantFrom("m".repeat(22), "-_".repeat(11)) }, id);
/** A sender and its user. */
const sender = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ from: "room" }) },
  { weight: 4, arbitrary: from.map((who) => ({ from: who })) },
  { weight: 2, arbitrary: id.map((who) => ({ from: `u${who.slice(1)}`, user: `user ${who}` })) },
);
const payload = fc.oneof(
  json.map((data) => ({ data })),
  base64.map((bytes) => ({ bytes })),
);
const message = fc
  .tuple(
    frame(
      "message",
      { time, event: name },
      { offset: count, to: some(from), kept: fc.constant(true) },
    ) as fc.Arbitrary<object>,
    sender,
    payload,
  )
  .map((parts) => Object.assign({}, ...parts) as unknown);
/** Messages as in a log: with consecutive offsets and ascending times. */
const run = fc
  .tuple(fc.array(message, { maxLength: 6 }), fc.integer({ min: 1, max: 1_000_000 }), fc.nat({ max: 5 }))
  .map(([messages, first, step]) =>
    messages.map((each, index) => ({
      ...(each as object),
      offset: first + index,
      time: first + index * step,
    })),
  );

const frames: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: message },
  frame(
    "welcome",
    {
      ...{ protocol: uint32, session: id, key: id, member: id, time, history: name, position: name },
      ...{ head: name, mode: name, roster: name, count: uint32, pingIntervalMs: count },
      ...{ silenceTimeoutMs: count, limits: fc.constant({ maxFrameBytes: 65_536, messagesPerSecond: 0.5 }) },
    },
    {
      ...{ user: name, recovered: fc.boolean(), reason: name, viewOnly: fc.constant(true) },
      ...{ members: fc.array(member, { maxLength: 3 }), stateOffset: count, expiresInMs: count, try: count },
      state: fc.oneof(fc.constant({}), object(fc.tuple(json, count))),
    },
  ),
  frame(
    "state",
    { offset: count, time, from: fc.oneof(from, fc.constant("room")) },
    { user: name, set: object(json), delete: some(name) },
  ),
  frame(
    "presence",
    { roster: name, count: uint32 },
    {
      ...{ joined: some(member), updated: some(member), mode: name },
      ...{ left: some(fc.record({ id, reason: name })), members: fc.array(member, { maxLength: 3 }) },
    },
  ),
  frame("position", { position: name, reason: name }),
  frame("ack", {}, { ref: count, offset: count, expiresInMs: count }),
  frame(
    "error",
    { code: name, message: name },
    { ref: count, retryAfterMs: count, limit: name, versions: object(count), try: count },
  ),
  frame("history", { messages: fc.array(message, { maxLength: 4 }), more: fc.boolean() }, { ref: count }),
  frame("expiring", { expiresInMs: count }),
  frame("close", { code: uint32, reason: name }),
  frame("pong", {}),
);

/** The items of a frame as they are in memory, and as they are after encoding and decoding. */
function both(items: readonly unknown[]): [written: unknown, read: unknown] {
  const read = decodeServerFrames(encodeServerFrames(items as ServerFrame[]));
  return [JSON.parse(JSON.stringify(items)), JSON.parse(JSON.stringify(read))];
}

it(`[B3] ${drawn(2_000)} frames of every type are decoded unchanged`, { timeout: 120_000 }, () => {
  const items = fc
    .tuple(fc.array(frames, { maxLength: 6 }), run)
    .map(([mixed, messages]) => [...mixed, ...messages, ...mixed]);

  fc.assert(
    fc.property(items, (each) => {
      const [written, read] = both(each);
      // `expect` would take minutes.
      if (!isDeepStrictEqual(read, written)) throw new Error(`it is decoded as ${JSON.stringify(read)}`);
    }),
    cases(2_000),
  );
});

it("[B3] two concatenated frames are one frame with the items of both", () => {
  const first: ServerFrame[] = [{ type: "ack", ref: 1, offset: 2 }];
  const second: ServerFrame[] = [{ type: "pong" }, { type: "ack", ref: 3 }];

  const joined = Buffer.concat([encodeServerFrames(first), encodeServerFrames(second)]);

  expect(decodeServerFrames(joined)).toEqual([...first, ...second]);
  expect(encodeServerFrames([])).toHaveLength(0);
});

it("[B4] consecutive messages take at most 35 bytes each from different members, and 17 from the same member", () => {
  const published = (senders: number): ServerFrame[] =>
    Array.from({ length: 20 }, (_, index) => ({
      ...{ type: "message", time: 1_795_312_524_509, from: `${index % senders}`.padStart(22, "m") },
      ...{ event: "m", data: { x: 1, y: 2 } },
    }));

  expect(encodeServerFrames(published(20)).length / 20).toBeLessThan(35);
  expect(encodeServerFrames(published(1)).length / 20).toBeLessThan(18);
});

it("[B3 V1] an item of an unknown type is skipped", () => {
  const later = Uint8Array.of(0x0a, 0x03, 0xfa, 0x01, 0x00); // items: { 31: {} }

  expect(decodeServerFrames(Buffer.concat([later, encodeServerFrames([{ type: "pong" }])]))).toEqual([
    { type: "pong" },
  ]);
});

it("[B3] a lone surrogate, which UTF-8 cannot encode, becomes U+FFFD", () => {
  const from = "m".repeat(22);

  expect(both([{ type: "message", time: 1, from, event: "\ud800", data: "\ud800" }])[1]).toEqual([
    { type: "message", time: 1, from, event: "\ufffd", data: "\ud800" },
  ]);
});
