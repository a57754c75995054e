import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Counters, TELL_EVERY_MS } from "../../../src/metrics/counters.ts";
import { setLogLevel } from "../../../src/metrics/log.ts";

const NOW = 1_800_000_000_000;

let lines: unknown[];

beforeEach(() => {
  lines = [];
  setLogLevel("info");
  vi.spyOn(console, "info").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
  setLogLevel("warn");
});

it("[G10] counts are logged once, when they are due", () => {
  const counters = new Counters();
  for (let n = 0; n < 3; n++) counters.count("refused", { code: "bad_frame" });
  const dueAt = counters.dueAt(NOW) ?? 0;

  counters.tell({ room: "lobby" }, dueAt - 1);
  expect(lines).toEqual([]);
  counters.tell({ room: "lobby" }, dueAt);
  counters.tell({ room: "lobby" }, dueAt);

  expect(dueAt).toBe(NOW + TELL_EVERY_MS);
  expect(lines).toEqual([expect.objectContaining({ event: "refused", code: "bad_frame", count: 3 })]);
  expect(counters.dueAt(dueAt)).toBeUndefined();
});

it("[G10] a clock that is set back by an hour does not delay counts", () => {
  const counters = new Counters();
  counters.count("refused", { code: "bad_frame" });
  counters.dueAt(NOW);
  const earlier = NOW - 3_600_000;

  expect(counters.dueAt(earlier)).toBe(earlier + TELL_EVERY_MS);
});
