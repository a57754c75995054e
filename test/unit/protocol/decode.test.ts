import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import { ERRORS } from "../../../src/protocol/errors.ts";
import {
  HISTORY_LIMIT,
  MAX_ADDRESSEES,
  MAX_ITEMS,
  MAX_NAME_CHARS,
  MAX_SET_KEYS,
} from "../../../src/protocol/frames.ts";

/** Decodes a frame with one item. */
function decodeOne(item: unknown): unknown {
  const decoded = decodeClientText(JSON.stringify(item));
  return decoded.ok ? decoded.value[0] : decoded;
}

function refusal(code: string, ref?: number): unknown {
  return { ok: false, error: expect.objectContaining({ code, ...(ref !== undefined && { ref }) }) };
}

/** A member id, different for each number. */
const memberId = (n: number): string => String(n).padStart(22, "m");

/** An object with this many keys. */
const keys = <Value>(count: number, value: Value): Record<string, Value> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]));

/** The defaults of a set. */
const NO_CHANGE = { set: new Map(), delete: [], if: new Map(), own: false };

describe("frames", () => {
  it.each([
    [
      "publish",
      { type: "publish", ref: 1, event: "e", data: { a: [1] } },
      { ref: 1, event: "e", data: { a: [1] }, volatile: false },
    ],
    ["publish without data", { type: "publish", event: "e" }, { event: "e", data: null, volatile: false }],
    [
      "volatile publish",
      { type: "publish", event: "e", volatile: true, key: "k" },
      { event: "e", data: null, volatile: true, key: "k" },
    ],
    [
      "publish to some members, each listed once",
      { type: "publish", event: "e", to: [memberId(1), memberId(2), memberId(1)] },
      { event: "e", data: null, volatile: false, to: [memberId(1), memberId(2)] },
    ],
    [
      "volatile publish to some members",
      { type: "publish", event: "e", volatile: true, to: [memberId(1)] },
      { event: "e", data: null, volatile: true, to: [memberId(1)] },
    ],
    [
      "set",
      { type: "set", ref: 3, set: { a: 1, b: null }, delete: ["c"], if: { a: 0, d: 5 }, own: true },
      {
        ref: 3,
        set: new Map([
          ["a", 1],
          ["b", null],
        ]),
        delete: ["c"],
        if: new Map([
          ["a", 0],
          ["d", 5],
        ]),
        own: true,
      },
    ],
    ["set alone", { type: "set", set: { a: [] } }, { ...NO_CHANGE, set: new Map([["a", []]]) }],
    ["set that deletes", { type: "set", delete: ["a"] }, { ...NO_CHANGE, delete: ["a"] }],
    ["seen", { type: "seen", chars: 0 }, { chars: 0 }],
    ["history", { type: "history" }, { limit: HISTORY_LIMIT.default }],
    [
      "history with bounds",
      { type: "history", ref: 4, after: 0, before: 9, since: 0, until: 2 ** 53 - 1, limit: 500 },
      { ref: 4, after: 0, before: 9, since: 0, until: 2 ** 53 - 1, limit: 500 },
    ],
    ["presence", { type: "presence", ref: 2, data: 0 }, { ref: 2, data: 0 }],
    ["presence without data", { type: "presence" }, { data: null }],
    ["leave", { type: "leave" }, {}],
  ])("[F1 A1 A5 A6 A7 A8 A9 T1] a %s is accepted", (_what, item, fields) => {
    expect(decodeOne(item)).toEqual({ ok: true, value: { type: item.type, ...fields } });
  });

  it("[F2] unknown fields of a frame are dropped", () => {
    expect(decodeOne({ type: "leave", event: "e", later: [1] })).toEqual({
      ok: true,
      value: { type: "leave" },
    });
    expect(decodeOne({ type: "publish", event: "e", from: "x", later: 1 })).toEqual({
      ok: true,
      value: { type: "publish", event: "e", data: null, volatile: false },
    });
  });

  it.each([
    ["text that is not JSON", "{"],
    ["no characters", ""],
    ["a string", '"publish"'],
    ["null", "null"],
    ["an empty array", "[]"],
    ["JSON and more text", "{}{}"],
    ["JSON after a byte order mark", "\ufeff{}"],
    ["an array nested 65 deep", `${"[".repeat(65)}${"]".repeat(65)}`],
  ])("[F2] a frame of %s is rejected as a whole with bad_frame", (_what, text) => {
    expect(decodeClientText(text)).toEqual(refusal("bad_frame"));
  });

  it("[F1] a frame of 64 items is accepted, and one of 65 items is rejected as a whole", () => {
    const items = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, () => ({ type: "leave" })));

    expect(decodeClientText(items(MAX_ITEMS))).toMatchObject({ ok: true, value: { length: 64 } });
    expect(decodeClientText(items(MAX_ITEMS + 1))).toEqual(refusal("too_many_items"));
  });

  it("[F1] each item of a frame is accepted or rejected separately", () => {
    const decoded = decodeClientText('[{"type":"leave"},1,{"type":"x","ref":3},[],null,{"type":"presence"}]');

    expect(decoded.ok && decoded.value.map(({ ok }) => ok)).toEqual([true, false, false, false, false, true]);
  });
});

describe("fields", () => {
  it.each([
    ["unknown_type", { type: "welcome", ref: 5 }],
    ["unknown_type", { ref: 5 }],
    ["unknown_type", { type: 1, ref: 5 }],
    ["unknown_type", { type: "toString", ref: 5 }],
    ["bad_frame", { type: "publish", ref: 5 }],
    ["bad_frame", { type: "publish", ref: 5, event: "" }],
    ["bad_frame", { type: "publish", ref: 5, event: "e".repeat(MAX_NAME_CHARS + 1) }],
    ["bad_frame", { type: "publish", ref: 5, event: ["e"] }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", volatile: 1 }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", key: "" }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: [] }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: null }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: memberId(1) }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: [memberId(1), "short"] }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: [memberId(1), 1] }],
    ["bad_frame", { type: "set", ref: 5 }],
    ["bad_frame", { type: "set", ref: 5, set: {}, delete: [], if: { a: 1 } }],
    ["bad_frame", { type: "set", ref: 5, set: [] }],
    ["bad_frame", { type: "set", ref: 5, set: null }],
    ["bad_frame", { type: "set", ref: 5, set: { "": 1 } }],
    ["bad_frame", { type: "set", ref: 5, set: { ["k".repeat(MAX_NAME_CHARS + 1)]: 1 } }],
    ["bad_frame", { type: "set", ref: 5, delete: "a" }],
    ["bad_frame", { type: "set", ref: 5, delete: [""] }],
    ["bad_frame", { type: "set", ref: 5, delete: [1] }],
    ["bad_frame", { type: "set", ref: 5, delete: ["a", "a"] }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, delete: ["a"] }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, if: [] }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, if: { a: -1 } }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, if: { a: null } }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, if: { a: 0.5 } }],
    ["bad_frame", { type: "set", ref: 5, set: { a: 1 }, own: 1 }],
    ["bad_frame", { type: "seen", ref: 5 }],
    ["bad_frame", { type: "seen", ref: 5, chars: -1 }],
    ["bad_frame", { type: "seen", ref: 5, chars: 0.5 }],
    ["bad_frame", { type: "seen", ref: 5, chars: "1" }],
    ["bad_frame", { type: "history", ref: 5, since: -1 }],
    ["bad_frame", { type: "history", ref: 5, until: "now" }],
    ["bad_frame", { type: "history", ref: 5, until: null }],
    ["bad_frame", { type: "history", ref: 5, limit: HISTORY_LIMIT.max + 1 }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", volatile: true }],
  ])("[F2 F5 E1] %s is the error for %j, with its ref", (code, item) => {
    expect(decodeOne(item)).toEqual(refusal(code, 5));
  });

  it.each([0, -1, 0.5, 2 ** 53, "1", null, {}, Number.NaN])("[F5] the ref %j is rejected", (ref) => {
    expect(decodeOne({ type: "publish", event: "e", ref })).toEqual(refusal("bad_frame"));
  });

  it.each([1, 2 ** 53 - 1])("[F5] the ref %i is accepted", (ref) => {
    expect(decodeOne({ type: "presence", ref })).toMatchObject({ ok: true, value: { ref } });
  });

  it.each([1, MAX_NAME_CHARS])("[A1 A4] an event and a key of %i characters are accepted", (length) => {
    const name = "x".repeat(length);

    expect(decodeOne({ type: "publish", event: name, key: name, volatile: true })).toMatchObject({
      ok: true,
    });
  });
});

describe("limits of one act", () => {
  it("[A7] a message can be addressed to 64 members and no more, and repeated ids count", () => {
    const to = (count: number): unknown =>
      decodeOne({
        type: "publish",
        ref: 5,
        event: "e",
        to: Array.from({ length: count }, (_, n) => memberId(n)),
      });

    expect(to(MAX_ADDRESSEES)).toMatchObject({ ok: true, value: { to: { length: 64 } } });
    expect(to(MAX_ADDRESSEES + 1)).toEqual(refusal("bad_frame", 5));
    expect(decodeOne({ type: "publish", event: "e", to: Array(65).fill(memberId(1)) })).toEqual(
      refusal("bad_frame"),
    );
  });

  it.each([
    ["set", { set: keys(MAX_SET_KEYS, 1) }, { set: keys(MAX_SET_KEYS + 1, 1) }],
    [
      "deleted",
      { delete: Object.keys(keys(MAX_SET_KEYS, 1)) },
      { delete: Object.keys(keys(MAX_SET_KEYS + 1, 1)) },
    ],
    [
      "set and deleted",
      { set: keys(MAX_SET_KEYS - 1, 1), delete: ["x"] },
      { set: keys(MAX_SET_KEYS, 1), delete: ["x"] },
    ],
    [
      "compared",
      { delete: ["x"], if: keys(MAX_SET_KEYS, 1) },
      { delete: ["x"], if: keys(MAX_SET_KEYS + 1, 1) },
    ],
  ])("[T1] one act can contain 64 keys that are %s, and no more", (_what, most, tooMany) => {
    expect(decodeOne({ type: "set", ref: 5, ...most })).toMatchObject({ ok: true });
    expect(decodeOne({ type: "set", ref: 5, ...tooMany })).toEqual(refusal("bad_frame", 5));
  });

  it.each(["__proto__", "constructor", "toString", "k".repeat(MAX_NAME_CHARS), "\ud800", " "])(
    "[T1 T2] the key %j is treated like any other",
    (key) => {
      const decoded = decodeClientText(
        `{"type":"set","set":{${JSON.stringify(key)}:{"a":1}},"if":{${JSON.stringify(key)}:7}}`,
      );

      expect(decoded.ok && decoded.value[0]).toEqual({
        ok: true,
        value: { ...NO_CHANGE, type: "set", set: new Map([[key, { a: 1 }]]), if: new Map([[key, 7]]) },
      });
    },
  );
});

describe("properties", () => {
  const isTotal = (text: string): void => {
    const decoded = decodeClientText(text);
    const results = decoded.ok ? decoded.value : [decoded];
    for (const result of results) if (!result.ok) expect(ERRORS).toHaveProperty(result.error.code);
  };

  it("[F2 G12] decoding never throws for any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), isTotal), { numRuns: 500 });
  });

  it("[F2 G12] decoding never throws for any JSON", () => {
    fc.assert(fc.property(fc.json({ maxDepth: 8 }), isTotal), { numRuns: 500 });
  });

  it("[F2 G12] decoding never throws for any values in the fields of a known type", () => {
    const anything = fc.jsonValue();
    const item = fc.record(
      {
        type: fc.constantFrom("publish", "set", "presence", "history", "seen", "leave", "__proto__"),
        ref: fc.oneof(anything, fc.nat()),
        event: fc.oneof(anything, fc.string()),
        data: anything,
        volatile: fc.oneof(anything, fc.boolean()),
        key: anything,
        to: anything,
        set: fc.oneof(anything, fc.dictionary(fc.string(), anything)),
        delete: fc.oneof(anything, fc.array(fc.string())),
        if: fc.oneof(anything, fc.dictionary(fc.string(), fc.nat())),
        own: anything,
        chars: anything,
        since: fc.oneof(anything, fc.nat()),
        limit: fc.oneof(anything, fc.nat()),
      },
      { requiredKeys: ["type"] },
    );

    fc.assert(
      fc.property(fc.array(item), (items) => isTotal(JSON.stringify(items))),
      { numRuns: 500 },
    );
  });

  it("[A1] data is decoded unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const text = JSON.stringify({ type: "publish", event: "e", data });
        const decoded = decodeClientText(text);
        expect(decoded.ok && JSON.stringify(decoded.value[0])).toBe(
          JSON.stringify({
            ok: true,
            value: { type: "publish", event: "e", data: JSON.parse(JSON.stringify(data)), volatile: false },
          }),
        );
      }),
    );
  });
});
