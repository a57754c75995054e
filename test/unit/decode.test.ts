import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeClientText } from "../../src/protocol/decode.ts";
import { ERRORS } from "../../src/protocol/errors.ts";
import { MAX_EVENT_CHARS, MAX_ITEMS } from "../../src/protocol/frames.ts";

/** Decodes a frame of one item. */
function decodeOne(item: unknown): unknown {
  const decoded = decodeClientText(JSON.stringify(item));
  return decoded.ok ? decoded.value[0] : decoded;
}

function refusal(code: string, ref?: number): unknown {
  return { ok: false, error: expect.objectContaining({ code, ...(ref !== undefined && { ref }) }) };
}

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
      { event: "e", data: null, volatile: true },
    ],
    ["presence", { type: "presence", ref: 2, data: 0 }, { ref: 2, data: 0 }],
    ["presence without data", { type: "presence" }, { data: null }],
    ["leave", { type: "leave" }, {}],
  ])("[F1 A1 A5 A6] a %s is read", (_what, item, fields) => {
    expect(decodeOne(item)).toEqual({ ok: true, value: { type: item.type, ...fields } });
  });

  it("[F2] unknown fields are dropped", () => {
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
    ["not JSON", "{"],
    ["nothing", ""],
    ["a string", '"publish"'],
    ["null", "null"],
    ["an empty array", "[]"],
    ["JSON and more", "{}{}"],
    ["a byte order mark", "\ufeff{}"],
    ["a nesting of 65", `${"[".repeat(65)}${"]".repeat(65)}`],
  ])("[F2] %s is refused whole as bad_frame", (_what, text) => {
    expect(decodeClientText(text)).toEqual(refusal("bad_frame"));
  });

  it("[F1] 64 items are read, 65 are refused whole", () => {
    const items = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, () => ({ type: "leave" })));

    expect(decodeClientText(items(MAX_ITEMS))).toMatchObject({ ok: true, value: { length: 64 } });
    expect(decodeClientText(items(MAX_ITEMS + 1))).toEqual(refusal("too_many_items"));
  });

  it("[F1] each item stands alone", () => {
    const decoded = decodeClientText('[{"type":"leave"},1,{"type":"x","ref":3},[],null,{"type":"presence"}]');

    expect(decoded.ok && decoded.value.map(({ ok }) => ok)).toEqual([true, false, false, false, false, true]);
  });
});

describe("fields", () => {
  it.each([
    ["unknown_type", { type: "set", ref: 5 }],
    ["unknown_type", { ref: 5 }],
    ["unknown_type", { type: 1, ref: 5 }],
    ["unknown_type", { type: "toString", ref: 5 }],
    ["bad_frame", { type: "publish", ref: 5 }],
    ["bad_frame", { type: "publish", ref: 5, event: "" }],
    ["bad_frame", { type: "publish", ref: 5, event: "e".repeat(MAX_EVENT_CHARS + 1) }],
    ["bad_frame", { type: "publish", ref: 5, event: ["e"] }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", volatile: 1 }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", key: "" }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", to: [] }],
    ["bad_frame", { type: "publish", ref: 5, event: "e", volatile: true }],
  ])("[F2 F5 E1] %s for %j, and its ref is named", (code, item) => {
    expect(decodeOne(item)).toEqual(refusal(code, 5));
  });

  it.each([0, -1, 0.5, 2 ** 53, "1", null, {}, Number.NaN])("[F5] the ref %j is refused", (ref) => {
    expect(decodeOne({ type: "publish", event: "e", ref })).toEqual(refusal("bad_frame"));
  });

  it.each([1, 2 ** 53 - 1])("[F5] the ref %i is taken", (ref) => {
    expect(decodeOne({ type: "presence", ref })).toMatchObject({ ok: true, value: { ref } });
  });

  it.each([1, MAX_EVENT_CHARS])("[A1 A4] an event and a key of %i characters are taken", (length) => {
    const name = "x".repeat(length);

    expect(decodeOne({ type: "publish", event: name, key: name, volatile: true })).toMatchObject({
      ok: true,
    });
  });
});

describe("properties", () => {
  const isTotal = (text: string): void => {
    const decoded = decodeClientText(text);
    const results = decoded.ok ? decoded.value : [decoded];
    for (const result of results) if (!result.ok) expect(ERRORS).toHaveProperty(result.error.code);
  };

  it("[F2 G12] decoding never throws, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), isTotal), { numRuns: 500 });
  });

  it("[F2 G12] decoding never throws, whatever the JSON", () => {
    fc.assert(fc.property(fc.json({ maxDepth: 8 }), isTotal), { numRuns: 500 });
  });

  it("[F2 G12] decoding never throws, whatever the fields of a known type hold", () => {
    const anything = fc.jsonValue();
    const item = fc.record(
      {
        type: fc.constantFrom("publish", "presence", "leave", "__proto__"),
        ref: fc.oneof(anything, fc.nat()),
        event: fc.oneof(anything, fc.string()),
        data: anything,
        volatile: fc.oneof(anything, fc.boolean()),
        key: anything,
        to: anything,
      },
      { requiredKeys: ["type"] },
    );

    fc.assert(
      fc.property(fc.array(item), (items) => isTotal(JSON.stringify(items))),
      { numRuns: 500 },
    );
  });

  it("[A1] data comes out as it went in", () => {
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
