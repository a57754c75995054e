import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_JSON_DEPTH, isJsonObject, parseJson, utf8Length } from "../../../src/protocol/json.ts";

describe("parsing", () => {
  const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

  it.each([
    ["64 arrays", nested(MAX_JSON_DEPTH)],
    ["64 objects", `${'{"a":'.repeat(MAX_JSON_DEPTH)}1${"}".repeat(MAX_JSON_DEPTH)}`],
    ["brackets in strings", JSON.stringify("[{".repeat(500))],
    ["brackets behind an escaped quote", JSON.stringify(`"${"[".repeat(500)}`)],
    ["brackets behind an escaped backslash", JSON.stringify([`\\${"[".repeat(100)}\\`, "[".repeat(100)])],
    ["many arrays, none deep", `[${Array(500).fill("[]").join(",")}]`],
  ])("[F2] %s are accepted", (_what, text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ["65 arrays", nested(MAX_JSON_DEPTH + 1)],
    ["65 objects", `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${"}".repeat(MAX_JSON_DEPTH + 1)}`],
    ["a million arrays", nested(1_000_000)],
    ["65 arrays behind a string", `["${"x".repeat(100)}\\"",${nested(MAX_JSON_DEPTH)}]`],
    ["no JSON", "nonsense"],
    ["nothing", ""],
  ])("[F2] %s are rejected", (_what, text) => {
    expect(parseJson(text)).toBeUndefined();
  });

  it("[F2] parsing agrees with JSON.parse on all JSON that does not nest too deeply", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 12 }), fc.string()), (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expected = undefined;
        }
        expect(parseJson(text)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [{}, true],
    [[], false],
    [null, false],
    ["x", false],
    [undefined, false],
  ])("[F2] %j is an object: %s", (value, is) => {
    expect(isJsonObject(value)).toBe(is);
  });
});

describe("size", () => {
  it.each([
    ["ASCII", "abc", 3],
    ["characters of two bytes", "é\u07ff", 4],
    ["characters of three bytes", "\u0800中\uffff", 9],
    ["characters of four bytes", "😀👩", 8],
    ["a lone high surrogate", "\ud800", 3],
    ["a lone low surrogate", "\udc00", 3],
    ["a surrogate pair in reverse order", "\udc00\ud800", 6],
    ["a high surrogate before a pair", "\ud83d😀", 7],
  ])("[F3] the UTF-8 length of text with %s is counted", (_what, text, bytes) => {
    expect(utf8Length(text)).toBe(bytes);
  });

  it("[F3] the counted length of any text equals the encoded length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
      }),
      { numRuns: 1_000 },
    );
  });

  it("[F3] the counted length of lone surrogates equals the encoded length", () => {
    const unit = fc.constantFrom("\ud83d", "\ude00", "a", "é", "中");

    fc.assert(
      fc.property(fc.array(unit), (units) => {
        expect(utf8Length(units.join(""))).toBe(new TextEncoder().encode(units.join("")).length);
      }),
      { numRuns: 1_000 },
    );
  });
});
