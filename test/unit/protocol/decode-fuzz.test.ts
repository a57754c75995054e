import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import type { ClientFrame } from "../../../src/protocol/frames.ts";
import { cases, drawn } from "../../support/fuzzing.ts";
import { framesFor } from "../../support/hostile-frames.ts";

/** The error codes that rules F1 and F2 allow while a frame is decoded. */
const REFUSALS = ["bad_frame", "unknown_type", "too_many_items"];

/** Fails unless a text is decoded as F1, F2 and F5 say. Does not use `expect`, which would take minutes. */
function check(text: string): void {
  const decoded = decodeClientText(text);
  const parsed = parse(text);
  if (!decoded.ok) {
    demand(REFUSALS.includes(decoded.error.code), `${decoded.error.code} is not an error of a whole frame`);
    demand(decoded.error.ref === undefined, "the error of a whole frame has no ref");
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    demand(!isObject || depthOf(text) > 64, "an object that does not nest too deeply is accepted");
    demand(
      decoded.error.code !== "too_many_items" || (Array.isArray(parsed) && parsed.length > 64),
      "only an array of more than 64 items has too many",
    );
    return;
  }
  demand(parsed !== undefined, "text that is not JSON is rejected");
  demand(depthOf(text) <= 64, "JSON that nests deeper than 64 is rejected");
  const items: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  demand(items.length > 0 && items.length <= 64, "a frame has 1 to 64 items");
  demand(decoded.value.length === items.length, "each item is decoded or rejected separately");
  for (const [index, result] of decoded.value.entries()) {
    const item = items[index] as { readonly ref?: unknown };
    if (result.ok) {
      checkFrame(result.value);
      demand(
        "ref" in result.value === (item.ref !== undefined && result.value.type !== "seen"),
        "the frame has its item's ref",
      );
      checkRoundTrip(result.value);
      continue;
    }
    const { code, ref } = result.error;
    demand(REFUSALS.includes(code) && code !== "too_many_items", `${code} is not an error of an item`);
    demand(ref === undefined || ref === item.ref, "an error has the ref of its item, or none");
  }
}

function demand(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`not true: ${what}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** How deep JSON text nests. Both values of a repeated key count. */
function depthOf(json: string): number {
  let [depth, deepest] = [0, 0];
  for (const bracket of json.replaceAll(/"(?:[^"\\]|\\.)*"/gs, "").replaceAll(/[^[\]{}]/g, "")) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

const isName = (text: unknown): boolean => typeof text === "string" && text.length >= 1 && text.length <= 64;
const isCount = (number: unknown): boolean => Number.isSafeInteger(number) && (number as number) >= 0;

/** Fails unless an accepted frame is as sections 5 to 7 say. */
function checkFrame(frame: ClientFrame): void {
  if ("ref" in frame) demand(isCount(frame.ref) && frame.ref !== 0, "a ref is a positive integer");
  switch (frame.type) {
    case "publish":
      demand(isName(frame.event) && typeof frame.volatile === "boolean", "A1, A4");
      demand(!frame.volatile || frame.ref === undefined, "a volatile message has no ref");
      demand(
        frame.key === undefined || (frame.volatile && isName(frame.key)),
        "only a volatile message has a key",
      );
      demand(frame.to === undefined || (frame.to.length >= 1 && frame.to.length <= 64), "1-64 addressees");
      demand(frame.to?.every((id) => /^[A-Za-z0-9_-]{22}$/.test(id)) ?? true, "recipients are member ids");
      return checkKeys(frame, ["type", "event", "data", "volatile", "key", "to", "ref"]);
    case "set": {
      const changed = [...frame.set.keys(), ...frame.delete];
      demand(changed.length >= 1 && changed.length <= 64 && changed.every(isName), "T1");
      demand(new Set(changed).size === changed.length, "a key can be set or deleted only once");
      demand(
        [...frame.if].every(([key, version]) => isName(key) && isCount(version)),
        "T2",
      );
      return checkKeys(frame, ["type", "set", "delete", "if", "own", "ref"]);
    }
    case "seen":
      demand(isCount(frame.chars), "A9");
      return checkKeys(frame, ["type", "chars"]);
    case "history":
      demand(frame.limit >= 1 && frame.limit <= 500, "A8");
      demand(
        [frame.after, frame.before, frame.since, frame.until].every((n) => n === undefined || isCount(n)),
        "A8",
      );
      return checkKeys(frame, ["type", "after", "before", "since", "until", "limit", "ref"]);
    case "auth":
      demand(typeof frame.token === "string", "D8");
      return checkKeys(frame, ["type", "token", "ref"]);
    case "presence":
      return checkKeys(frame, ["type", "data", "ref"]);
    case "leave":
      return checkKeys(frame, ["type", "ref"]);
    default:
      throw new Error(`unknown frame type ${String((frame satisfies never as ClientFrame).type)}`);
  }
}

function checkKeys(frame: object, known: readonly string[]): void {
  const stray = Object.keys(frame).filter((key) => !known.includes(key));
  demand(
    stray.length === 0 && Object.getPrototypeOf(frame) === Object.prototype,
    `unknown fields: ${stray.join()}`,
  );
}

/** Fails unless a frame stays the same when it is encoded and decoded again. */
function checkRoundTrip(frame: ClientFrame): void {
  const again = decodeClientText(write(frame));
  const [result] = again.ok ? again.value : [];
  demand(
    result?.ok === true && write(result.value) === write(frame),
    "a decoded frame is decoded the same again",
  );
}

/** Encodes a frame as a client would, with its fields in alphabetical order. */
function write(frame: ClientFrame): string {
  const fields = Object.entries(frame as unknown as Record<string, unknown>).map(
    ([key, value]): [string, unknown] => [key, value instanceof Map ? Object.fromEntries(value) : value],
  );
  return JSON.stringify(Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

it(
  `[F1 F2 F5 G12] ${drawn(50_000)} hostile texts are accepted or rejected as the rules say, and none throws`,
  { timeout: 300_000 },
  () => {
    fc.assert(fc.property(framesFor(), check), cases(50_000));

    // A field named `__proto__` has changed no prototype.
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  },
);

it(
  `[F1 F2 A1 A7 A8 T1 G12] ${drawn(20_000)} well-formed frames are decoded unchanged`,
  { timeout: 300_000 },
  () => {
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 64 })
      .filter((text) => text.length <= 64);
    const count = fc.maxSafeNat();
    const ref = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const data = fc.jsonValue({ maxDepth: 5 });
    const id = fc.string({
      unit: fc.constantFrom("A", "Z", "a", "z", "0", "9", "-", "_"),
      minLength: 22,
      maxLength: 22,
    });
    const to = fc.uniqueArray(id, { minLength: 1, maxLength: 64 });
    const set = fc.uniqueArray(fc.tuple(name, data), {
      selector: ([key]) => key,
      minLength: 1,
      maxLength: 32,
    });
    const versions = fc.dictionary(name, count, { maxKeys: 64 });
    const anyFrame = fc.oneof(
      fc.record(
        { type: fc.constant("publish"), ref, event: name, data, to },
        { requiredKeys: ["type", "event", "data"] },
      ),
      fc.record(
        { type: fc.constant("publish"), event: name, data, volatile: fc.constant(true), key: name, to },
        { requiredKeys: ["type", "event", "data", "volatile"] },
      ),
      fc.record(
        {
          type: fc.constant("set"),
          ref,
          set: set.map((pairs) => Object.fromEntries(pairs)),
          if: versions,
          own: fc.boolean(),
        },
        { requiredKeys: ["type", "set"] },
      ),
      fc.record({ type: fc.constant("presence"), ref, data }, { requiredKeys: ["type", "data"] }),
      fc.record(
        {
          type: fc.constant("history"),
          ref,
          after: count,
          before: count,
          since: count,
          until: count,
          limit: fc.integer({ min: 1, max: 500 }),
        },
        { requiredKeys: ["type", "limit"] },
      ),
      fc.record({ type: fc.constant("seen"), chars: count }),
      fc.record({ type: fc.constant("auth"), ref, token: fc.string() }, { requiredKeys: ["type", "token"] }),
      fc.record({ type: fc.constant("leave"), ref }, { requiredKeys: ["type"] }),
    );
    const isReadAsWritten = (frame: object): void => {
      const text = JSON.stringify(frame);
      const decoded = decodeClientText(text);
      const [result] = decoded.ok ? decoded.value : [];
      demand(result?.ok === true, "the frame is accepted");
      const read = JSON.parse(write(result.value)) as Record<string, unknown>;
      for (const [key, wanted] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
        demand(JSON.stringify(read[key]) === JSON.stringify(wanted), `${key} is unchanged`);
      }
    };

    fc.assert(fc.property(anyFrame, isReadAsWritten), cases(20_000));
  },
);
