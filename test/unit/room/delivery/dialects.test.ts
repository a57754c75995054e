import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../../src/protocol/encode.ts";
import { dataPayload, encodeEntry, messageParts, stateParts } from "../../../../src/protocol/messages.ts";
import { FORMATS } from "../../../../src/room/delivery/formats.ts";
import {
  encodeRoster,
  encodeShared,
  withField,
  type FlushContents,
  type EncodedEntry,
  type View,
} from "../../../../src/room/delivery/flush-encoder.ts";
import type { PresenceNews } from "../../../../src/room/presence/presence-news.ts";
import { viewerOf } from "../../../support/viewer.ts";

const NOTHING: FlushContents = { before: undefined, presence: undefined, recorded: [], volatile: [] };

const NO_NEWS: PresenceNews = {
  ...{ joined: [], updated: [], left: [], count: 3, roster: "r.1" },
  ...{ told: "as changes", listText: "" },
};

const EVERYTHING: View = {
  ...{ mode: "list", isLean: false, isGone: false, viewer: viewerOf(), position: undefined },
};

/** The frames of a flush for one view. */
function shared(contents: Partial<FlushContents>, view: Partial<View> = {}): unknown[] {
  const texts = encodeShared({ ...NOTHING, ...contents }, { ...EVERYTHING, ...view });
  return texts.map((text) => JSON.parse(text) as unknown);
}

const news = (changes: Partial<PresenceNews>): PresenceNews => ({ ...NO_NEWS, ...changes });

const m = (event: string, to?: readonly string[]): EncodedEntry => ({
  text: encodeFrame({ type: "message", time: 1, from: "a", event, data: null }),
  type: "message",
  from: "a",
  ...(to && { to }),
});

const POSITION = encodeFrame({ type: "position", position: "e:5", reason: "filtered" });
const EPOCH = encodeFrame({ type: "position", position: "e:0", reason: "epoch" });

const joined = [{ id: "j" }];
const updated = [{ id: "u", data: 1 }];
const left = [{ id: "l", reason: "left" as const }];

describe("the order of a flush", () => {
  it("[F4 M1 P6] a flush has the epoch, joined and updated members, recorded messages, a position, volatile messages and left members in this order", () => {
    const frames = shared(
      {
        before: EPOCH,
        presence: news({ joined, updated, left }),
        recorded: [m("r1"), m("r2")],
        volatile: [m("v")],
      },
      { position: POSITION },
    );

    expect(frames).toMatchObject([
      { type: "position", reason: "epoch" },
      { type: "presence", joined, updated, count: 4, roster: "r.1" },
      { event: "r1" },
      { event: "r2" },
      { type: "position", reason: "filtered" },
      { event: "v" },
      { type: "presence", left, count: 3, roster: "r.1" },
    ]);
  });

  it("[P6] the epoch is sent only with recorded messages, also to members that these are not for", () => {
    expect(shared({ before: EPOCH, volatile: [m("v")], presence: news({ joined }) })).toHaveLength(2);
    expect(shared({ before: EPOCH, recorded: [m("r", ["b"])] }, { viewer: viewerOf("c") })).toMatchObject([
      { reason: "epoch" },
    ]);
  });

  it("[M1] empty lists are absent, and a flush without presence has no presence frame", () => {
    expect(shared({ presence: news({ joined }) })).toEqual([
      { type: "presence", joined, roster: "r.1", count: 3 },
    ]);
    expect(shared({ presence: news({ updated }) })).toEqual([
      { type: "presence", updated, roster: "r.1", count: 3 },
    ]);
    expect(shared({ presence: news({ left }) })).toEqual([
      { type: "presence", left, roster: "r.1", count: 3 },
    ]);
    expect(shared({ recorded: [m("r")] })).toHaveLength(1);
    expect(shared({})).toEqual([]);
  });

  it.each([
    ["one frame for two joins", 1, { joined: [{ id: "a" }, { id: "b" }] }],
    ["one frame for one leave", 1, { left }],
    ["no frame for one join and one leave", 0, { joined, left }],
    ["no frame for a changed member", 0, { updated }],
  ])("[M3] in the mode count a flush has %s", (_what, frames, changes) => {
    const count = { type: "presence", mode: "count", roster: "r.1", count: 3 };

    expect(shared({ presence: news(changes) }, { mode: "count" })).toEqual(Array(frames).fill(count));
    expect(shared({ presence: news({ ...changes, told: "as a count" }) })).toEqual(Array(frames).fill(count));
  });
});

describe("a list of members that is too long, and later short enough", () => {
  const listText = '[{"id":"a"},{"id":"b"}]';

  it("[M6 M5] members receive a count when the list becomes too long, and a list when it is short enough again", () => {
    const changes = { joined, updated, left, listText };

    expect(shared({ presence: news({ ...changes, told: "as a count from now on" }) })).toEqual([
      { type: "presence", mode: "count", roster: "r.1", count: 3 },
    ]);
    expect(shared({ presence: news({ ...changes, told: "as a list again" }) })).toEqual([
      { type: "presence", mode: "list", roster: "r.1", count: 3, members: [{ id: "a" }, { id: "b" }] },
    ]);
  });

  it("[M3 M6] members in the mode count receive only counts when the list becomes too long or short enough", () => {
    for (const told of ["as a count from now on", "as a list again"] as const) {
      expect(shared({ presence: news({ left, told, listText }) }, { mode: "count" })).toEqual([
        { type: "presence", mode: "count", roster: "r.1", count: 3 },
      ]);
    }
  });

  it("[M5 L5] a member that has missed a change receives the whole list, or the count, in a frame of its own", () => {
    const roster = { count: 2, roster: "r.1", listText };

    expect(JSON.parse(encodeRoster(roster, "list"))).toEqual({
      ...{ type: "presence", mode: "list", roster: "r.1", count: 2 },
      members: [{ id: "a" }, { id: "b" }],
    });
    expect(JSON.parse(encodeRoster(roster, "count"))).toEqual({
      ...{ type: "presence", mode: "count", roster: "r.1", count: 2 },
    });
  });
});

describe("views", () => {
  const contents = {
    presence: news({ joined }),
    recorded: [m("all"), m("for b", ["b"])],
    volatile: [m("v"), m("v for b", ["b"])],
  };
  const events = (view: Partial<View>): unknown[] =>
    shared(contents, view).map((frame) => (frame as { event?: string }).event ?? "presence");

  it.each([
    ["its sender", { viewer: viewerOf("a") }, ["presence", "all", "for b", "v", "v for b"]],
    ["a member it is for", { viewer: viewerOf("b") }, ["presence", "all", "for b", "v", "v for b"]],
    ["another member", { viewer: viewerOf("c") }, ["presence", "all", "v"]],
    ["a client that is not a member", {}, ["presence", "all", "v"]],
    [
      "a member that is behind, without volatile messages,",
      { viewer: viewerOf("b"), isLean: true },
      ["presence", "all", "for b"],
    ],
    [
      "a member that leaves, without presence,",
      { viewer: viewerOf("b"), isGone: true },
      ["all", "for b", "v", "v for b"],
    ],
  ])("[A7 L5 A6] the view of %s has only the frames for it", (_who, view, wanted) => {
    expect(events(view)).toEqual(wanted);
  });
});

describe("dialects", () => {
  it("[F1] one item is written unchanged, and several items are written as an array", () => {
    expect(FORMATS.json.write('{"a":1}', true, "e:1")).toBe('{"a":1}');
    expect(FORMATS.json.write('{"a":1},{"b":2}', false, "e:1")).toBe('[{"a":1},{"b":2}]');
    expect(FORMATS.json.write('{"a":1}', false, "e:1")).toBe('[{"a":1}]');
  });

  it("[S1] a bridge frame begins with the position", () => {
    expect(FORMATS.bridge.write('{"a":1}', true, "e:1")).toBe('e:1\n{"a":1}');
    expect(FORMATS.bridge.write('{"a":1},{"b":2}', false, "e:1")).toBe('e:1\n[{"a":1},{"b":2}]');
  });

  it("[W4] a field that is JSON text is added unchanged", () => {
    expect(withField('{"type":"welcome"}', "members", '[{"id":"a"}]')).toBe(
      '{"type":"welcome","members":[{"id":"a"}]}',
    );
  });
});

describe("recorded frames", () => {
  const anyText = fc.string({ unit: "binary" });
  const anyOrigin = fc.record({
    from: fc.constant("member"),
    user: anyText,
    to: fc.option(fc.array(fc.constantFrom("b", "c"), { minLength: 1 }), { nil: undefined }),
  });

  it("[A1 A7] a message is encoded as JSON of its fields, for any contents", () => {
    fc.assert(
      fc.property(
        anyOrigin,
        fc.string({ unit: "binary", minLength: 1 }),
        fc.jsonValue(),
        fc.option(fc.nat()),
        (origin, event, data, offset) => {
          const text = encodeEntry(
            messageParts(origin, event, dataPayload(JSON.stringify(data))),
            5,
            offset ?? undefined,
          );

          expect(JSON.parse(text)).toEqual({
            type: "message",
            ...(offset !== null && { offset }),
            time: 5,
            from: "member",
            ...(origin.user !== "" && { user: origin.user }),
            ...(origin.to !== undefined && { to: origin.to }),
            event,
            data: JSON.parse(JSON.stringify(data)) as unknown,
          });
          expect(text).not.toContain("\n");
        },
      ),
    );
  });

  it("[T1] a change of the state is encoded as JSON of its set and deleted keys, without empty fields", () => {
    fc.assert(
      fc.property(
        anyText,
        fc.uniqueArray(fc.tuple(anyText, fc.jsonValue()), { selector: ([key]) => key }),
        fc.uniqueArray(anyText),
        (user, pairs, deleted) => {
          fc.pre(pairs.length + deleted.length > 0); // A change has at least one key.
          const set = new Map(pairs.map(([key, value]) => [key, JSON.stringify(value)]));
          const text = encodeEntry(stateParts({ from: "member", user }, set, deleted), 5, 7);
          const { set: written, delete: gone, ...rest } = JSON.parse(text) as Record<string, unknown>;

          expect(rest).toEqual({
            ...{ type: "state", offset: 7, time: 5, from: "member" },
            ...(user !== "" && { user }),
          });
          // Not compared as one object, which cannot have its own `__proto__` and would change the order.
          expect(new Map(Object.entries(written ?? {}))).toEqual(
            new Map(pairs.map(([key, value]) => [key, JSON.parse(JSON.stringify(value)) as unknown])),
          );
          expect(gone ?? []).toEqual(deleted);
          expect([written === undefined, gone === undefined]).toEqual([set.size === 0, deleted.length === 0]);
        },
      ),
    );
  });
});
