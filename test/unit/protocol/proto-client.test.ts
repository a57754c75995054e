import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import { ClientFrameSchema } from "../../../src/protocol/generated/parlor_pb.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { decodeClientBytes } from "../../../src/protocol/proto/client-decode.ts";
import { encodeClientFrames } from "../../../src/protocol/proto/client-encode.ts";
import { cases, drawn } from "../../support/fuzzing.ts";
import { framesFor } from "../../support/hostile-frames.ts";

type Item = NonNullable<MessageInitShape<typeof ClientFrameSchema>["items"]>[number];

const PUBLISH: Item["act"] = { case: "publish", value: { event: "e" } };

function frameOf(...items: Item[]): Uint8Array {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { items }));
}

/** A decoded frame, with maps as arrays. */
function plain(decoded: unknown): unknown {
  return JSON.parse(
    JSON.stringify(decoded, (_key, value: unknown) => (value instanceof Map ? [...value] : value)),
  );
}

describe("frames of a client", () => {
  const member = "m".repeat(22);

  it.each([
    { type: "publish", ref: 1, event: "chat", data: { text: "hi" }, to: [member] },
    { type: "publish", event: "move", data: [1, 2], volatile: true, key: "k" },
    { type: "publish", ref: Number.MAX_SAFE_INTEGER, event: "move", bytes: "AAH/" },
    { type: "publish", event: "nothing", bytes: "" },
    { type: "publish", ref: 2, event: "e" },
    { type: "set", ref: 3, set: { ["__proto__"]: 1, b: null }, delete: ["c"], if: { a: 0, b: 7 }, own: true },
    { type: "presence", ref: 4, data: { name: "Ana" } },
    { type: "history", ref: 5, after: 0, before: 120, since: 1, until: 2, limit: 500 },
    { type: "history", ref: 6 },
    { type: "seen", chars: 123_456 },
    { type: "auth", ref: 7, token: "a.b.c" },
    { type: "leave" },
  ] as const satisfies readonly JsonObject[])(
    "[B5 F1] a binary frame is decoded like its JSON form: %j",
    (frame) => {
      const decoded = decodeClientBytes(encodeClientFrames([frame]));

      expect(plain(decoded)).toEqual(plain(decodeClientText(JSON.stringify(frame))));
      expect(decoded).toMatchObject({ ok: true, value: [{ ok: true, value: { type: frame.type } }] });
    },
  );

  it.each([
    ["an empty event", { act: { case: "publish", value: { event: "" } } }],
    ["an event of 65 characters", { act: { case: "publish", value: { event: "x".repeat(65) } } }],
    ["an empty key", { act: { case: "publish", value: { event: "e", volatile: true, key: "" } } }],
    ["recipients without a member", { act: { case: "publish", value: { event: "e", to: {} } } }],
    [
      "a recipient that is not a member id",
      { act: { case: "publish", value: { event: "e", to: { members: ["x"] } } } },
    ],
    ["data that is not valid JSON", { act: { case: "publish", value: { event: "e", payload: json("{") } } }],
    ["empty data", { act: { case: "publish", value: { event: "e", payload: json("") } } }],
    [
      "data that nests too deeply",
      { act: { case: "publish", value: { event: "e", payload: json(nested(63)) } } },
    ],
    ["presence data that is not valid JSON", { act: { case: "presence", value: { json: "nul" } } }],
    ["an empty set", { act: { case: "set", value: {} } }],
    ["a value that is not valid JSON", { act: { case: "set", value: { set: [{ key: "a", json: "x" }] } } }],
    ["a page of 0", { act: { case: "history", value: { limit: 0 } } }],
    ["a page of 501", { act: { case: "history", value: { limit: 501 } } }],
    ["a bound beyond 2^53", { act: { case: "history", value: { after: 2n ** 53n } } }],
  ] as [string, Item][])(
    "[B5 F2] %s is bad_frame with its ref, and the next item is accepted",
    (_what, item) => {
      expect(decodeClientBytes(frameOf({ ...item, ref: 9n }, { ref: 10n, act: PUBLISH }))).toMatchObject({
        ok: true,
        value: [
          { ok: false, error: { code: "bad_frame", ref: 9 } },
          { ok: true, value: { type: "publish", ref: 10 } },
        ],
      });
    },
  );

  it("[B5 F2] data can nest as deep as in an array of JSON frames", () => {
    const item: Item = { act: { case: "publish", value: { event: "e", payload: json(nested(62)) } } };

    expect(decodeClientBytes(frameOf(item))).toMatchObject({ ok: true, value: [{ ok: true }] });
  });

  it.each([
    ["0", 0n],
    ["2^53", 2n ** 53n],
    ["2^64 - 1", 2n ** 64n - 1n],
  ])("[B5 F5] a ref of %s is bad_frame, and the error has no ref", (_what, ref) => {
    expect(plain(decodeClientBytes(frameOf({ ref, act: PUBLISH })))).toEqual({
      ok: true,
      value: [
        {
          ok: false,
          error: {
            code: "bad_frame",
            message: `ref is ${Number(ref)}, must be a whole number from 1 to 2^53 - 1`,
          },
        },
      ],
    });
  });

  it.each([
    ["an unknown act", Uint8Array.of(0x0a, 0x05, 0x08, 0x09, 0x92, 0x03, 0x00)],
    ["no act", Uint8Array.of(0x0a, 0x02, 0x08, 0x09)],
  ])("[B5 F2] %s is unknown_type with its ref", (_what, bytes) => {
    expect(plain(decodeClientBytes(bytes))).toMatchObject({
      ok: true,
      value: [{ ok: false, error: { code: "unknown_type", ref: 9 } }],
    });
  });

  it("[B5 F1] a frame holds 1 to 64 items", () => {
    const times = (count: number): Uint8Array => frameOf(...Array<Item>(count).fill({ act: PUBLISH }));

    expect(decodeClientBytes(times(0))).toMatchObject({ ok: false, error: { code: "bad_frame" } });
    expect(decodeClientBytes(times(64))).toMatchObject({ ok: true });
    expect(decodeClientBytes(times(65))).toMatchObject({ ok: false, error: { code: "too_many_items" } });
    expect(
      decodeClientBytes(new Uint8Array(65_536).fill(0).map((_, index) => (index % 2 ? 0 : 0x0a))),
    ).toEqual({
      ok: false,
      error: { code: "too_many_items" },
    });
  });

  it("[B5 F1] a frame whose first item hides others behind another wire type is rejected", () => {
    // A reader that skips by wire type sees one group; a decoder that ignores wire types sees 6,002 items.
    const hidden = Array.from({ length: 6_000 }, () => [0x0a, ...Array<number>(9).fill(0x08)]).flat();
    const frame = Uint8Array.from([
      ...[0x0b, ...Array<number>(9).fill(0x08)],
      ...hidden,
      ...[0x08, 0x0c, ...Array<number>(12).fill(0x08)],
    ]);

    expect(frame).toHaveLength(60_024);
    expect(decodeClientBytes(frame)).toMatchObject({ ok: false, error: { code: "bad_frame" } });
  });

  it.each([0, 1, 3, 4, 5, 6, 7])(
    "[B5 F1] items of wire type %d never pass the limit of 64 items",
    (wireType) => {
      const tag = 0x08 | wireType;
      const fillings = [0x00, 0x01, 0x08, 0x0a, 0x0c];
      for (const filling of fillings) {
        const frames = [1, 2, 9].map((length) =>
          Uint8Array.from({ length: 60_000 }, (_, index) => (index % (length + 1) === 0 ? tag : filling)),
        );
        for (const frame of frames) expect(decodeClientBytes(frame)).toMatchObject({ ok: false });
      }
    },
  );

  it("[B5 F2] fields of a frame that the schema does not have are skipped", () => {
    const known = frameOf({ ref: 9n, act: PUBLISH });
    const unknown = [0x12, 0x03, 0x0a, 0x01, 0x00, 0x18, 0x05, 0x23, 0x08, 0x01, 0x24];

    expect(decodeClientBytes(Uint8Array.from([...unknown, ...known, ...unknown]))).toMatchObject({
      ok: true,
      value: [{ ok: true, value: { type: "publish", ref: 9 } }],
    });
  });

  it.each([
    ["cut off", frameOf({ act: PUBLISH }).subarray(0, -1)],
    ["no Protobuf", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ["endlessly nested groups", new Uint8Array(60_000).fill(0x0b)],
    ["JSON", new TextEncoder().encode('{"type":"leave"}')],
  ])("[B5 F2] bytes that are %s are bad_frame as a whole", (_what, bytes) => {
    expect(decodeClientBytes(bytes)).toMatchObject({ ok: false, error: { code: "bad_frame" } });
  });
});

describe("hostile frames", () => {
  const REFUSALS = ["bad_frame", "unknown_type", "too_many_items"];

  function check(bytes: Uint8Array): void {
    const decoded = decodeClientBytes(bytes);
    const results = decoded.ok ? decoded.value : [decoded];
    if (decoded.ok && (results.length === 0 || results.length > 64))
      throw new Error("a frame has 1 to 64 items");
    for (const result of results) {
      if (!result.ok && !REFUSALS.includes(result.error.code)) throw new Error(result.error.code);
    }
  }

  /** Well-formed frames, with those fields of a JSON text that the schema has. */
  const wellFormed = framesFor().map((text) => {
    try {
      const parsed = JSON.parse(text) as JsonObject | JsonObject[];
      return encodeClientFrames(Array.isArray(parsed) ? parsed : [parsed]);
    } catch {
      return frameOf({ ref: 1n, act: PUBLISH });
    }
  });
  const damaged = fc
    .tuple(wellFormed, fc.nat(), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 4 }))
    .map(([bytes, at, gone, put]) => {
      const from = at % (bytes.length + 1);
      return Uint8Array.from([...bytes.subarray(0, from), ...put, ...bytes.subarray(from + gone)]);
    });

  it(
    `[B5 G12] ${drawn(10_000)} hostile binary frames are accepted or rejected, and none throws`,
    { timeout: 120_000 },
    () => {
      const any = fc.oneof(
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60, size: "max" }) },
        { weight: 2, arbitrary: wellFormed },
        { weight: 4, arbitrary: damaged },
      );

      fc.assert(fc.property(any, check), cases(10_000));

      expect(Object.keys(Object.prototype)).toEqual([]);
      expect(({} as { a?: unknown }).a).toBeUndefined();
    },
  );
});

function json(value: string): { readonly case: "json"; readonly value: string } {
  return { case: "json", value };
}

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}
