import type fc from "fast-check";

const variables =
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};

/** A failure prints both. The seed repeats the whole run, the seed and path together repeat only the failed case. */
const [SEED, PATH] = [variables["VITE_FUZZ_SEED"], variables["VITE_FUZZ_PATH"]];

/** `VITE_FUZZ_TIMES=10` draws ten times as many cases; `npm run test:long` sets it. */
const TIMES = Number(variables["VITE_FUZZ_TIMES"] ?? 1);

/** The numbered parts of a long run, each a separate test. A run that repeats a seed has one part. */
export function parts(count: number): number[] {
  return Array.from({ length: SEED === undefined ? count : 1 }, (_, index) => index + 1);
}

/** How many cases a run draws instead of `count`, as text for a title: `drawn(50_000)` is "50,000" by default. */
export function drawn(count: number): string {
  return Math.ceil(count * TIMES).toLocaleString("en");
}

/** The number of cases and the seed. A failure prints how to repeat it. */
export function cases<Args extends [unknown]>(count: number): fc.Parameters<Args> {
  return {
    numRuns: Math.ceil(count * TIMES),
    ...(SEED !== undefined && { seed: Number(SEED) }),
    ...(PATH !== undefined && { path: PATH }),
    reporter: report,
  };
}

/** The same for asynchronous cases, where shrinking is slow. It stops in time to report what it has found. */
export function awaitedCases<Args extends [unknown]>(count: number): fc.Parameters<Args> {
  const { reporter: _reporter, ...parameters } = cases<Args>(count);
  return {
    ...parameters,
    interruptAfterTimeLimit: SHRINKING_MS,
    markInterruptAsFailure: true,
    asyncReporter: async (run) => report(run),
  };
}

const SHRINKING_MS = 120_000;

/** Throws an error with what a person needs to understand and repeat a failure. */
function report<Args>(run: fc.RunDetails<Args>): void {
  if (!run.failed) return;
  const { counterexample, counterexamplePath, seed, numRuns, numShrinks, errorInstance: error } = run;
  throw new Error(
    [
      `case ${numRuns}, shrunk ${numShrinks} times: ${abridge(JSON.stringify(counterexample))}`,
      error instanceof Error ? error.message : String(error),
      `To repeat it: VITE_FUZZ_SEED=${seed} VITE_FUZZ_PATH=${counterexamplePath ?? ""}`,
    ].join("\n"),
    { cause: error },
  );
}

function abridge(text: string): string {
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

const MAX_SHOWN_CHARS = 4_000;
