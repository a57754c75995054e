import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPosition, parsePosition } from "../../../src/protocol/positions.ts";

describe("positions", () => {
  it.each([
    ["the first offset of a log", "Zk3:0", { epoch: "Zk3", offset: 0 }],
    ["an epoch of one character", "a:1", { epoch: "a", offset: 1 }],
    ["an epoch of 32 characters", `${"e".repeat(32)}:1`, { epoch: "e".repeat(32), offset: 1 }],
    ["every character of base64url", "AZaz09_-:42", { epoch: "AZaz09_-", offset: 42 }],
    ["the largest offset", "e:9007199254740991", { epoch: "e", offset: 2 ** 53 - 1 }],
  ])("[P1] a position with %s is parsed", (_what, text, position) => {
    expect(parsePosition(text)).toEqual(position);
  });

  it.each([
    "",
    ":",
    "e",
    "e:",
    ":1",
    "e:-1",
    "e:+1",
    "e:01",
    "e:1.0",
    "e:1e3",
    "e: 1",
    " e:1",
    "e:1 ",
    "e:1\n",
    "e:1:1",
    "é:1",
    "e/:1",
    `${"e".repeat(33)}:1`,
    "e:9007199254740992",
    "e:99999999999999999",
    "~closed",
    "e:Infinity",
    "e:0x1",
  ])("[P1 P5] %j is not a position", (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  it("[P1] a position that is formatted is parsed unchanged", () => {
    const position = fc.record({
      epoch: fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/),
      offset: fc.maxSafeNat(),
    });

    fc.assert(
      fc.property(position, (each) => {
        expect(parsePosition(formatPosition(each))).toEqual(each);
      }),
    );
  });

  it("[P1] a position that is parsed is formatted unchanged", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9_-]{0,34}:[0-9]{0,18}$/), (text) => {
        const position = parsePosition(text);
        expect(position === undefined ? text : formatPosition(position)).toBe(text);
      }),
    );
  });

  it("[P5 G12] parsing a position never throws for any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parsePosition(text)));
  });
});
