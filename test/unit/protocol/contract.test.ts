import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBridgeFrame, encodeBridgeFrame } from "../../../src/protocol/bridge-frames.ts";
import {
  CONTRACT_VERSION,
  contractVersionOf,
  decodeJoin,
  decodeRefusal,
  encodeJoin,
  type JoinRequest,
} from "../../../src/protocol/contract.ts";
import { dialectOf } from "../../../src/protocol/dialects.ts";
import { errorFrame } from "../../../src/protocol/encode.ts";
import { ERRORS, type ErrorCode } from "../../../src/protocol/errors.ts";

const anyJoin: fc.Arbitrary<JoinRequest> = fc.record(
  {
    v: fc.integer({ min: 1, max: CONTRACT_VERSION }),
    session: fc.string(),
    key: fc.string(),
    member: fc.string(),
    user: fc.string({ unit: "grapheme" }),
    dialect: fc.constantFrom("json" as const, "bridge" as const, "proto" as const),
    mode: fc.constantFrom("list" as const, "count" as const),
    after: fc.string({ unit: "binary" }),
    rewind: fc.nat(),
    presence: fc.json(),
    roster: fc.string({ unit: "binary" }),
    state: fc.boolean(),
    flow: fc.boolean(),
    viewOnly: fc.boolean(),
  },
  { requiredKeys: ["v", "session", "key", "member", "user", "dialect", "mode"] },
);

describe("joins", () => {
  it("[V2 B1] a join names the oldest contract version that can serve it, so older rooms reject only binary members", () => {
    const formats = ["json", "bridge", "proto"] as const;

    expect(contractVersionOf()).toBe(1);
    expect(formats.map((name) => contractVersionOf(dialectOf(name)))).toEqual([1, 1, CONTRACT_VERSION]);
  });

  it("[V2 J7] a join is decoded from its header unchanged", () => {
    fc.assert(
      fc.property(anyJoin, (join) => {
        expect(decodeJoin(encodeJoin(join))).toEqual(join);
      }),
    );
  });

  it("[V2] a join from an older Worker is decoded without the fields that were added later", () => {
    const join = { v: 1, session: "s", key: "k", member: "m", user: "", dialect: "json", mode: "list" };

    expect(decodeJoin(JSON.stringify(join))).toEqual(join);
  });

  it("[J7] a join header is ASCII without control characters, and passes through Headers unchanged", () => {
    fc.assert(
      fc.property(anyJoin, (join) => {
        const header = encodeJoin(join);
        expect(header).toMatch(/^[\x20-\x7e]*$/);
        expect(new Headers({ h: header }).get("h")).toBe(header);
      }),
    );
  });

  it.each([
    ["absent", null],
    ["empty", ""],
    ["not valid JSON", "{"],
    ["not an object", "[1]"],
    ["without a version", "{}"],
    ["with a version that is not a number", '{"v":"1"}'],
    ["from a newer contract", JSON.stringify({ v: CONTRACT_VERSION + 1 })],
  ])("[V2 G12] a header that is %s is not a join", (_what, header) => {
    expect(decodeJoin(header)).toBeUndefined();
  });
});

describe("refusals", () => {
  it("[E1] every error is decoded from a room's reply unchanged", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const error = { code, message: "m", retryAfterMs: 5, limit: "l" };

      expect(decodeRefusal(JSON.stringify(errorFrame(error)))).toEqual(error);
    }
  });

  it.each(["", "{", "[]", '{"code":"later"}', '{"code":"toString"}', '{"code":1}'])(
    "[V2 E1] the unknown reply %j from a room of another version is reported as unavailable",
    (body) => {
      expect(decodeRefusal(body)).toEqual({ code: "unavailable" });
    },
  );
});

describe("frames for a bridge", () => {
  it("[S1] the position and text of a bridge frame are decoded unchanged, and text without a position is not a bridge frame", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_:-]*$/), fc.json(), (position, text) => {
        expect(decodeBridgeFrame(encodeBridgeFrame(position, text))).toEqual({ position, text });
      }),
    );
    expect(decodeBridgeFrame('{"type":"pong"}')).toBeUndefined();
  });
});
