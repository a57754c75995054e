import { spreadOf, type Spread } from "../measure/statistics.ts";
import type { Series } from "../rounds.ts";
import type { Metric } from "../scenarios/scenario.ts";

/** The server that all others are compared with. */
export const BASELINE = "parlor";

/** The summary of one figure over the rounds of a series; `undefined` if none could be read. */
export function spreadIn({ outcomes }: Series, metric: string): Spread | undefined {
  return spreadOf(outcomes.flatMap(({ values }) => values[metric] ?? []));
}

/** How a series compares with the baseline in one figure; `undefined` for the baseline itself. */
export function ratioIn(all: readonly Series[], series: Series, metric: string): number | undefined {
  const baseline = all.find(({ contender }) => contender === BASELINE);
  if (baseline === undefined || baseline === series) return undefined;
  const [own, theirs] = [spreadIn(series, metric), spreadIn(baseline, metric)];
  return own === undefined || theirs === undefined || theirs.median === 0
    ? undefined
    : own.median / theirs.median;
}

/** A metric's name with its unit, unless the name contains it. */
export function titleOf({ name, unit }: Metric): string {
  return unit === "" || name.includes("/") ? name : `${name}, ${unit}`;
}

/** Formats a figure with its significant digits. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/** The flaws of a series, each listed once with the number of rounds. */
export function flawsIn({ outcomes, failures, contender }: Series): string[] {
  const rounds = outcomes.length + failures.length;
  const seen = new Map<string, number>();
  const all = [...outcomes.flatMap(({ flaws }) => flaws), ...failures.map((why) => `failed: ${why}`)];
  for (const flaw of all) seen.set(flaw, (seen.get(flaw) ?? 0) + 1);
  return [...seen].map(
    ([flaw, times]) => `${contender}: ${flaw}${rounds > 1 ? ` (${times} of ${rounds} rounds)` : ""}`,
  );
}
