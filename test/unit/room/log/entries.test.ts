import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { encodeEntry, isFor, type Addressed, type EntryParts } from "../../../../src/protocol/messages.ts";
import { entriesOf, joinEntries } from "../../../../src/room/log/entries.ts";
import type { Segment } from "../../../../src/room/log/segment-store.ts";

const ANA = "A".repeat(22);
const BOB = "B".repeat(22);
const CEM = "C".repeat(22);

/** Text that looks like the end of one frame and the beginning of another. */
const DECOY = `x"}\t,{"type":"message","offset":9,"time":1,"from":"${ANA}","event":"e","data":1}`;

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(DECOY, "\t,", '\\"', "\t"),
);

const anyParts: fc.Arbitrary<EntryParts> = fc
  .record({
    isState: fc.boolean(),
    from: fc.constantFrom(ANA, BOB, "room"),
    user: fc.oneof(fc.constant(""), anyText),
    to: fc.option(fc.subarray([ANA, BOB, CEM], { minLength: 1 }), { nil: undefined }),
    event: anyText,
    data: fc.oneof(anyText, fc.jsonValue(), fc.constant({ type: "message", to: [CEM], event: DECOY })),
    isSpaced: fc.boolean(),
  })
  .map(({ isState, from, user, to, event, data, isSpaced }) => {
    const text = JSON.stringify(data, null, isSpaced ? "\t" : "");
    return isState
      ? { type: "state", from, user, body: `"set":{"key":${text}}` }
      : { type: "message", from, user, to, body: `"event":${JSON.stringify(event)},"data":${text}` };
  });

function rowOf(texts: readonly string[], body: string): Segment {
  const [first, last] = [5, 4 + texts.length];
  return { first, last, at: 1, start: 0, bytes: body.length, filtered: true, body };
}

it.each([
  ["as they are stored", joinEntries],
  ["as older code stored them", (texts: readonly string[]) => texts.map(compact).join(",")],
])("[A7 A8 P2] frames %s are separated, with their addressees, for any contents", (_how, join) => {
  fc.assert(
    fc.property(
      fc.array(anyParts, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(ANA, BOB, CEM, undefined),
      fc.boolean(),
      fc.nat({ max: 10 }),
      (parts, member, seesState, after) => {
        const texts = parts.map((each, index) => encodeEntry(each, 1, 5 + index));
        const viewer = { member, seesState };
        const wanted = texts
          .map((text, index) => ({ offset: 5 + index, frame: JSON.parse(text) as Addressed }))
          .filter(({ offset, frame }) => offset > after && isFor(frame, viewer));

        const entries = entriesOf(rowOf(texts, join(texts)), after, viewer);

        const read = entries.map(({ offset, text }) => ({ offset, frame: JSON.parse(text) as unknown }));
        expect(read).toEqual(wanted);
        const messages = entriesOf(rowOf(texts, join(texts)), after, viewer, "message");
        expect(messages).toEqual(entries.filter((_, index) => wanted[index]?.frame.type === "message"));
      },
    ),
    { numRuns: 500 },
  );
});

it("[L10] stored messages are not parsed to find their addressees", () => {
  const junk = JSON.stringify(Array.from({ length: 1_000 }, () => [DECOY]));
  const body = `"event":"e","data":${junk}`;
  const texts = [undefined, [ANA], [BOB, CEM]].map((to, index) =>
    encodeEntry({ type: "message", from: ANA, user: 'a"\\u', to, body }, 1, 5 + index),
  );
  const row = rowOf(texts, joinEntries(texts));
  using parse = vi.spyOn(JSON, "parse");

  const offsets = entriesOf(row, 0, { member: BOB, seesState: true }).map(({ offset }) => offset);

  expect(offsets).toEqual([5, 7]);
  expect(parse).not.toHaveBeenCalled();
});

function compact(text: string): string {
  return JSON.stringify(JSON.parse(text));
}
