import { describe, expect, it } from "vitest";
import { Bindings, mismatch, valueOf } from "../../conformance/patterns.ts";
import { expectServerPasses } from "../../conformance/run-server.ts";
import type { Case } from "../../conformance/format.ts";
import { FakeTarget } from "../testing/fake-target.ts";

describe("the patterns of conformance cases", () => {
  it.each([
    [{ type: "ack" }, { type: "ack", ref: 1 }],
    [{ data: { $type: "integer" } }, { data: 3 }],
    [{ data: { $type: "array" } }, { data: [] }],
    [{ offset: { $absent: true } }, {}],
    [{ position: { $position: 3 } }, { position: "abc:3" }],
    [
      [{ $var: "a" }, { $var: "a" }],
      ["x", "x"],
    ],
    [{ $unordered: [{ id: 1 }, { id: 2 }] }, [{ id: 2 }, { id: 1 }]],
    [null, null],
  ])("%j matches %j", (pattern, actual) => {
    expect(mismatch(pattern, actual, new Bindings())).toBeUndefined();
  });

  it.each([
    [{ type: "ack" }, { type: "error" }, 'type is "error", expected "ack"'],
    [{ data: { x: 1 } }, { data: { x: "1" } }, 'data.x is "1", expected 1'],
    [{ data: { $type: "integer" } }, { data: 0.5 }, 'data is 0.5, expected "any integer"'],
    [{ offset: { $absent: true } }, { offset: 1 }, 'offset is 1, expected "nothing"'],
    [{ position: { $position: 3 } }, { position: "abc:4" }, 'position is "abc:4", expected "<epoch>:3"'],
    [[{ $position: 1 }, { $position: 1 }], ["abc:1", "def:1"], '[1] is "def:1", expected "abc:1"'],
    [[{ $var: "a" }, { $var: "a" }], ["x", "y"], '[1] is "y", expected "x"'],
    [[1], [1, 2], "the frame is [1,2], expected [1]"],
    [{ $unordered: [1, 2] }, [1, 1], "the frame is [1,1], expected [1,2]"],
    [{ data: null }, {}, "data is undefined, expected null"],
  ])("%j does not match %j", (pattern, actual, difference) => {
    expect(mismatch(pattern, actual, new Bindings())).toBe(difference);
  });

  it("a value of a pattern matches it, and has the other fields of its base", () => {
    const bindings = new Bindings();
    const pattern = {
      type: "welcome",
      member: { $var: "ana" },
      position: { $position: 2 },
      time: { $type: "integer" },
    };

    const value = valueOf(pattern, bindings, { mode: "list", time: 7 });

    expect(value).toMatchObject({ type: "welcome", mode: "list", time: 7 });
    expect(mismatch(pattern, value, bindings)).toBeUndefined();
  });
});

describe("the runner of conformance cases for servers", () => {
  const steps: Case["steps"] = [
    { client: "ana", connect: {} },
    { client: "ana", receives: [{ type: "welcome" }] },
    { client: "ana", sends: { type: "publish", ref: 1, event: "chat" } },
  ];

  it.each([
    [[{ type: "message" }, { type: "ack", offset: 2 }], "offset is 1, expected 2"],
    [[{ type: "ack" }], 'type is "message", expected "ack"'],
    [[{ type: "message" }], 'ana also received [{"type":"ack"'],
  ])("reports a server that does not send %j", async (receives, difference) => {
    const wrong: Case = { title: "", rules: [], steps: [...steps, { client: "ana", receives }] };

    const run = expectServerPasses({ title: "", transport: "websocket", case: wrong }, new FakeTarget());

    await expect(run).rejects.toThrow(difference);
  });

  it("reports a close after which a client may retry, if the case expects a final one", async () => {
    const restarted: Case["steps"] = [
      { server: "restart" },
      { client: "ana", receives: [{ type: "message" }, { type: "ack" }] },
      { client: "ana", closed: { retry: false } },
    ];
    const wrong: Case = { title: "", rules: [], steps: [...steps, ...restarted] };

    const run = expectServerPasses({ title: "", transport: "websocket", case: wrong }, new FakeTarget());

    await expect(run).rejects.toThrow("retry is true, expected false");
  });
});
