/** The result of a check. */
export interface CheckResult {
  readonly name: string;
  readonly outcome: "ok" | "failed" | "skipped";
  readonly tookMs: number;
  /** What the check observed, or why it failed, in one line. */
  readonly detail: string;
}

const MARKS = { ok: "✓", failed: "✗", skipped: "–" } as const;

/** Formats a result as a line of the table. */
export function resultLine({ name, outcome, tookMs, detail }: CheckResult): string {
  return `${MARKS[outcome]} ${name.padEnd(NAME_WIDTH)} ${`${tookMs} ms`.padStart(9)}  ${detail}`;
}

/** Formats the totals in one line. */
export function summaryLine(results: readonly CheckResult[]): string {
  const count = (outcome: CheckResult["outcome"]): number =>
    results.filter((result) => result.outcome === outcome).length;
  const skipped = count("skipped") === 0 ? "" : `, ${count("skipped")} skipped`;
  return `${count("ok")} of ${results.length} checks passed, ${count("failed")} failed${skipped}`;
}

/** Formats the median and the 95th percentile of times. */
export function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms of ${sorted.length}`;
}

const NAME_WIDTH = 48;
