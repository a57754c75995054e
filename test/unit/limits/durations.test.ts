import { describe, expect, it } from "vitest";
import { beganAt, endsAt, isWithin } from "../../../src/limits/durations.ts";

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

describe("durations by a clock that may be set back", () => {
  it.each([
    ["lies in the past", NOW - 1, NOW - 1],
    ["is now", NOW, NOW],
    ["lies ahead of the clock", NOW + HOUR_MS, NOW],
  ])(
    "[F6 L4] a start time that %s is used as it is, or as now if it is later than now",
    (_when, at, began) => {
      expect(beganAt(at, NOW)).toBe(began);
    },
  );

  it.each([
    ["over", NOW - 1, NOW - 1],
    ["within its duration", NOW + 1_000, NOW + 1_000],
    ["exactly one duration away", NOW + 5_000, NOW + 5_000],
    ["farther away", NOW + HOUR_MS, NOW + 5_000],
  ])("[L2 M4] an end that is %s is at most one whole duration away", (_when, until, end) => {
    expect(endsAt(until, 5_000, NOW)).toBe(end);
  });

  it.each([
    ["just now", NOW, true],
    ["a moment less than the duration ago", NOW - 4_999, true],
    ["the duration ago", NOW - 5_000, false],
    ["never", -Infinity, false],
    ["at a time that lies ahead of the clock", NOW + 1, false],
  ])("[D11 L2] an event that happened %s is within the duration: %s", (_when, at, expected) => {
    expect(isWithin(5_000, at, NOW)).toBe(expected);
  });
});
