import type fc from "fast-check";

const variables =
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};

/** A failure tells both: the seed plays all of it again, with the path only the case that failed. */
const [SEED, PATH] = [variables["VITE_FUZZ_SEED"], variables["VITE_FUZZ_PATH"]];

/** `VITE_FUZZ_TIMES=10` draws ten times as many cases; `npm run test:long` sets it. */
const TIMES = Number(variables["VITE_FUZZ_TIMES"] ?? 1);

/** The parts of a long run, by number: each is to be a test. One that plays a seed again is short. */
export function parts(count: number): number[] {
  return Array.from({ length: SEED === undefined ? count : 1 }, (_, index) => index + 1);
}

/** How many cases a run draws in place of `count`, as text for a title: `drawn(50_000)` is "50,000" by default. */
export function drawn(count: number): string {
  return Math.ceil(count * TIMES).toLocaleString("en");
}

/** How many cases are tried, from which seed; a failure says how to see it again. */
export function cases<Args extends [unknown]>(count: number): fc.Parameters<Args> {
  return {
    numRuns: Math.ceil(count * TIMES),
    ...(SEED !== undefined && { seed: Number(SEED) }),
    ...(PATH !== undefined && { path: PATH }),
    reporter: report,
  };
}

/** The same where each case is waited for, and shrinking one takes a while: it stops in time to tell what it has found. */
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

/** Throws what a person needs to know of a failure, and to see it again. */
function report<Args>(run: fc.RunDetails<Args>): void {
  if (!run.failed) return;
  const { counterexample, counterexamplePath, seed, numRuns, numShrinks, errorInstance: error } = run;
  throw new Error(
    [
      `case ${numRuns}, shrunk ${numShrinks} times: ${abridge(JSON.stringify(counterexample))}`,
      error instanceof Error ? error.message : String(error),
      `To see it again: VITE_FUZZ_SEED=${seed} VITE_FUZZ_PATH=${counterexamplePath ?? ""}`,
    ].join("\n"),
    { cause: error },
  );
}

function abridge(text: string): string {
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

const MAX_SHOWN_CHARS = 4_000;
