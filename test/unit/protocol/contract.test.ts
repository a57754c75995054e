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
  it("[V2 B1] a request names the oldest version that serves it: older rooms refuse none but binary members", () => {
    const formats = ["json", "bridge", "proto"] as const;

    expect(contractVersionOf()).toBe(1);
    expect(formats.map((name) => contractVersionOf(dialectOf(name)))).toEqual([1, 1, CONTRACT_VERSION]);
  });

  it("[V2 J7] a join comes out of its header as it went in", () => {
    fc.assert(
      fc.property(anyJoin, (join) => {
        expect(decodeJoin(encodeJoin(join))).toEqual(join);
      }),
    );
  });

  it("[V2] a join of a Worker that knew no more is read as it was written, without what came later", () => {
    const join = { v: 1, session: "s", key: "k", member: "m", user: "", dialect: "json", mode: "list" };

    expect(decodeJoin(JSON.stringify(join))).toEqual(join);
  });

  it("[J7] a header is ASCII without control characters, and goes through Headers unchanged", () => {
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
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["without a version", "{}"],
    ["of a version that is no number", '{"v":"1"}'],
    ["of a newer contract", JSON.stringify({ v: CONTRACT_VERSION + 1 })],
  ])("[V2 G12] a header that is %s is no join", (_what, header) => {
    expect(decodeJoin(header)).toBeUndefined();
  });
});

describe("refusals", () => {
  it("[E1] every error comes out of a room's answer as it went in", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const error = { code, message: "m", retryAfterMs: 5, limit: "l" };

      expect(decodeRefusal(JSON.stringify(errorFrame(error)))).toEqual(error);
    }
  });

  it.each(["", "{", "[]", '{"code":"later"}', '{"code":"toString"}', '{"code":1}'])(
    "[V2 E1] %j, of a room of another version, is unavailable",
    (body) => {
      expect(decodeRefusal(body)).toEqual({ code: "unavailable" });
    },
  );
});

describe("frames for a bridge", () => {
  it("[S1] position and frame come out as they went in, and text without a position is none", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_:-]*$/), fc.json(), (position, text) => {
        expect(decodeBridgeFrame(encodeBridgeFrame(position, text))).toEqual({ position, text });
      }),
    );
    expect(decodeBridgeFrame('{"type":"pong"}')).toBeUndefined();
  });
});
