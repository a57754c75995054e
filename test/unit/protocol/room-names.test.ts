import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRoomName, isRoomName, kindOf } from "../../../src/protocol/room-names.ts";

const BAD_ROOM = { ok: false, error: { code: "bad_room", message: expect.stringMatching(/^room name /) } };

describe("names", () => {
  it.each([
    ["lobby", "lobby"],
    ["%6Cobby", "lobby"],
    ["%6c%6F%62%62%79", "lobby"],
    ["doc%3Aspec", "doc:spec"],
    ["...", "..."],
    ["~._-:", "~._-:"],
    ["a".repeat(128), "a".repeat(128)],
  ])("[N1] the path segment %s is the room name %s", (segment, name) => {
    expect(decodeRoomName(segment)).toEqual({ ok: true, value: name });
  });

  it.each([
    "",
    ".",
    "..",
    "%2e",
    "%2E%2E",
    "a".repeat(129),
    "a/b",
    "a%2fb",
    "a%252fb",
    "%",
    "%1",
    "%gg",
    "%ff",
    "%C3",
    "é",
    "a b",
    "a+b",
    "a%20b",
    "a%0a",
    "a\n",
    "a%00",
    "😀",
    "a?b",
    "a#b",
    "a@b",
    "a%25",
  ])("[N1] the path segment %j is bad_room", (segment) => {
    expect(decodeRoomName(segment)).toEqual(BAD_ROOM);
  });

  it("[N1 G12] no path segment makes decoding throw, and every accepted name matches the grammar", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[%a-f0-9./]{0,12}$/)),
        (segment) => {
          const name = decodeRoomName(segment);
          expect(name.ok ? name.value : "refused").toMatch(/^(?!\.{1,2}$)[A-Za-z0-9_.~:-]{1,128}$/);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("[N1] every room name survives being percent-encoded once", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_.~:-]{1,128}$/), (name) => {
        fc.pre(isRoomName(name));
        expect(decodeRoomName(encodeURIComponent(name))).toEqual({ ok: true, value: name });
      }),
    );
  });
});

describe("kinds", () => {
  it.each([
    ["lobby", "default"],
    ["doc:spec", "doc"],
    ["doc:a:b", "doc"],
    ["doc:", "doc"],
    [":x", ""],
    ["Doc:x", "Doc"],
  ])("[N2] the kind of %s is %j", (name, kind) => {
    expect(kindOf(name)).toBe(kind);
  });
});
