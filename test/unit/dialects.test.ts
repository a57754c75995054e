import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../src/protocol/encode.ts";
import { encodeMessage, messageParts } from "../../src/protocol/messages.ts";
import { DIALECTS, encodeShared, type FlushContents } from "../../src/room/dialects.ts";

const NOTHING: FlushContents = { joined: [], updated: [], recorded: [], volatile: [], left: [], count: 3 };

function shared(contents: Partial<FlushContents>, mode: "list" | "count" = "list"): unknown[] {
  return encodeShared({ ...NOTHING, ...contents }, mode).map((text) => JSON.parse(text) as unknown);
}

const m = (id: string): string => encodeFrame({ type: "message", time: 1, from: "a", event: id, data: null });

describe("the order of a flush", () => {
  it("[F4 M1] joined and updated, recorded, volatile, left", () => {
    const frames = shared({
      joined: [{ id: "j" }],
      updated: [{ id: "u", data: 1 }],
      recorded: [m("r1"), m("r2")],
      volatile: [m("v")],
      left: [{ id: "l", reason: "left" }],
    });

    expect(frames).toMatchObject([
      { type: "presence", joined: [{ id: "j" }], updated: [{ id: "u", data: 1 }], count: 4 },
      { event: "r1" },
      { event: "r2" },
      { event: "v" },
      { type: "presence", left: [{ id: "l", reason: "left" }], count: 3 },
    ]);
  });

  it("[M1] empty lists are absent, and a flush without presence has no presence frame", () => {
    expect(shared({ joined: [{ id: "j" }] })).toEqual([
      { type: "presence", joined: [{ id: "j" }], count: 3 },
    ]);
    expect(shared({ recorded: [m("r")] })).toHaveLength(1);
    expect(shared({})).toEqual([]);
  });

  it.each([
    ["one frame where two came", 1, { joined: [{ id: "a" }, { id: "b" }] }],
    ["one frame where one went", 1, { left: [{ id: "a", reason: "left" as const }] }],
    [
      "none where one came and one went",
      0,
      { joined: [{ id: "a" }], left: [{ id: "b", reason: "left" as const }] },
    ],
    ["none where one changed", 0, { updated: [{ id: "a" }] }],
  ])("[M3] in the mode count, %s", (_what, frames, contents) => {
    expect(shared(contents, "count")).toEqual(
      Array(frames).fill({ type: "presence", mode: "count", count: 3 }),
    );
  });
});

describe("dialects", () => {
  it("[F1] one item is written as it is, several as an array", () => {
    expect(DIALECTS.json('{"a":1}', true, "e:1")).toBe('{"a":1}');
    expect(DIALECTS.json('{"a":1},{"b":2}', false, "e:1")).toBe('[{"a":1},{"b":2}]');
    expect(DIALECTS.json('{"a":1}', false, "e:1")).toBe('[{"a":1}]');
  });

  it("[S1] a bridge reads the position first", () => {
    expect(DIALECTS.bridge('{"a":1}', true, "e:1")).toBe('e:1\n{"a":1}');
  });
});

describe("messages", () => {
  it("[A1] a message is written as JSON of its fields, whatever its sender put into them", () => {
    const anyUser = fc.string({ unit: "binary" });

    fc.assert(
      fc.property(
        anyUser,
        fc.string({ unit: "binary", minLength: 1 }),
        fc.jsonValue(),
        fc.option(fc.nat()),
        (user, event, data, offset) => {
          const text = encodeMessage(
            messageParts("member", user, event, data as never),
            5,
            offset ?? undefined,
          );

          expect(JSON.parse(text)).toEqual({
            type: "message",
            ...(offset !== null && { offset }),
            time: 5,
            from: "member",
            ...(user !== "" && { user }),
            event,
            data: JSON.parse(JSON.stringify(data)) as unknown,
          });
          expect(text).not.toContain("\n");
        },
      ),
    );
  });
});
