import { describe, expect, it } from "vitest";
import { check } from "../checker/check.ts";
import { Record, type Observation } from "../checker/record.ts";

const joined = (offset: number, isRecovered = true): Observation => ({
  what: "joined",
  epoch: "e",
  offset,
  isRecovered,
});
const saw = (offset: number, id = `m${offset}`): Observation => ({ what: "saw", offset, id });

describe("the checker", () => {
  it("[G1 G4] finds nothing wrong with members who saw all, over a resume", () => {
    const record = recordOf({
      ana: [joined(0), saw(1), saw(2), joined(2), saw(3)],
      ben: [joined(2), saw(3)],
    });

    expect(check(record, 3)).toEqual([]);
  });

  it("[G4] accepts a gap that the welcome of the member reported", () => {
    const record = recordOf({ ana: [joined(0), saw(1), joined(3, false)] });

    expect(check(record, 3)).toEqual([]);
  });

  it.each<[string, Observation[], string]>([
    ["a missing message", [joined(0), saw(1), saw(3)], "gap"],
    ["a resume that skips in silence", [joined(0), saw(1), joined(3)], "gap"],
    ["a message seen twice", [joined(0), saw(1), saw(2), saw(2), saw(3)], "doubled"],
    ["a message stored twice", [joined(0), saw(1), saw(2, "m1"), saw(3)], "doubled"],
    ["an order turned round", [joined(0), saw(1), saw(2), saw(1), saw(2), saw(3)], "out of order"],
    ["an end that never came", [joined(0), saw(1), saw(2)], "lost"],
    ["a message that no one sent", [joined(0), saw(1), saw(2), saw(3, "ghost")], "from nowhere"],
  ])("[G1 G3 G4] finds %s", (_what, seen, fault) => {
    expect(check(recordOf({ ana: seen }), 3).map((violation) => violation.fault)).toContain(fault);
  });

  it("[G1] finds two members who disagree", () => {
    const record = recordOf({
      ana: [joined(0), saw(1, "m1"), saw(2), saw(3)],
      ben: [joined(0), saw(1, "m2"), saw(2), saw(3)],
    });

    expect(check(record, 3)).toMatchObject([{ fault: "disagreement" }]);
  });

  it("[G2 G3] finds an ack for another's offset, two acks that differ, and a refused act that is there", () => {
    const record = recordOf({ ana: [joined(0), saw(1), saw(2), saw(3)] });
    record.acked("m1", 2);
    record.acked("m2", 2);
    record.acked("m2", 3);
    record.refused("m3");

    expect(
      check(record, 3)
        .map(({ fault }) => fault)
        .toSorted(),
    ).toEqual(["acked twice differently", "from nowhere", "lost"]);
  });
});

function recordOf(members: { readonly [name: string]: readonly Observation[] }): Record {
  const record = new Record();
  for (const id of ["m1", "m2", "m3"]) record.sent("eve", id);
  for (const [name, seen] of Object.entries(members)) for (const each of seen) record.observed(name, each);
  return record;
}
