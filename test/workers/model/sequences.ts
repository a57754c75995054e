import fc from "fast-check";
import { vi } from "vitest";
import { anyStep } from "./commands.ts";
import type { Step } from "./step.ts";
import { Simulation, type Kind } from "./simulation.ts";

const variables =
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};

/** The number of sequences, unless `VITE_MODEL_RUNS` is set. `npm run test:long` runs more. */
const RUNS = Number(variables["VITE_MODEL_RUNS"] ?? 700);

/** A failure prints both. The seed alone repeats the part, and with the path only the failed sequence. */
const [SEED, PATH] = [variables["VITE_MODEL_SEED"], variables["VITE_MODEL_PATH"]];

/** The number of sequences in one test. What their clients received is kept until the test ends. */
const RUNS_PER_PART = 100;

/** Shrinking stops early enough to report its result. */
const SHRINKING_MS = 120_000;

/** The timeout of a step. It is long because only a broken promise reaches it. It is shorter while shrinking. */
const PATIENCE_MS = { first: 10_000, shrinking: 2_000 };

/**
 * A sequence is an array of plain steps, not `fc.commands`. Each step skips itself where it makes no sense. So the
 * printed steps are the generated ones, a seed and a path are enough to replay them, and the arguments of a step shrink
 * like the list. The model lives for one run, so no state has to be cloned.
 */
const anySequence = fc.record({
  kind: fc.constantFrom<Kind>("chat", "default"),
  steps: fc.array(anyStep, { minLength: 1, maxLength: 18, size: "max" }),
});

interface Sequence {
  kind: Kind;
  steps: Step[];
}

/** The numbers of the parts. Each part is one test. */
export const PARTS = Array.from(
  { length: SEED === undefined ? Math.ceil(RUNS / RUNS_PER_PART) : 1 },
  (_, index) => index + 1,
);

/** Runs the sequences of a part. Rejects with the shortest sequence that broke a promise. */
export async function expectPromisesKept(): Promise<void> {
  let patienceMs = PATIENCE_MS.first;
  const property = fc.asyncProperty(anySequence, async (sequence) => {
    try {
      await runSequence(sequence, patienceMs);
    } catch (error) {
      patienceMs = PATIENCE_MS.shrinking;
      throw error;
    }
  });
  await fc.assert(property, {
    numRuns: RUNS_PER_PART,
    ...(SEED !== undefined && { seed: Number(SEED) }),
    ...(PATH !== undefined && { path: PATH }),
    interruptAfterTimeLimit: SHRINKING_MS,
    markInterruptAsFailure: true,
    asyncReporter: report,
  });
}

/** Runs one sequence. In the end every client is cut off, reconnects, and has missed nothing. */
async function runSequence({ kind, steps }: Sequence, patienceMs: number): Promise<void> {
  try {
    const simulation = await Simulation.begin(kind);
    const end: Step = {
      run: () => simulation.crash([], 0, simulation.clients),
      toString: () => "everyone reconnects",
    };
    for (const step of [...steps, end]) {
      simulation.model.step++;
      const played = step.run(simulation).then(() => simulation.settle());
      await within(patienceMs, played, simulation).catch((error: unknown) => {
        throw new BrokenPromise(step, simulation.model.step, error);
      });
    }
    await simulation.checkPublicState();
  } finally {
    vi.useRealTimers();
  }
}

/** The violations, and the step after which they were found. */
class BrokenPromise extends Error {
  readonly last: string;

  constructor(step: Step, number: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.last = `${number}. ${String(step)}`;
  }
}

/** Waits for some work with a timeout. */
async function within(ms: number, work: Promise<void>, simulation: Simulation): Promise<void> {
  const expiry = Promise.withResolvers<never>();
  const give = (): void => expiry.reject(new Error(`waited ${ms} ms for ${simulation.waitsFor}`));
  const timer = setTimeout(give, ms);
  try {
    await Promise.race([work, expiry.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws an error with everything that is needed to understand and repeat a failure. */
async function report(run: fc.RunDetails<[Sequence]>): Promise<void> {
  if (!run.failed) return;
  const { counterexample, counterexamplePath: path, seed, numRuns, numShrinks, errorInstance: error } = run;
  if (counterexample === null)
    throw new Error(`only ${numRuns} sequences of the seed ${seed} ran within the time limit`);
  const [{ kind, steps }] = counterexample;
  const lines = steps.map((step, index) => `${index + 1}. ${String(step)}`);
  const last = error instanceof BrokenPromise ? error.last : "before the first step";
  const end = lines.indexOf(last);
  throw new Error(
    [
      `sequence ${numRuns} broke a promise (shrunk ${numShrinks} times, in a ${kind} room):`,
      ...(end === -1 ? [...lines, last] : lines.slice(0, end + 1)).map((line) => `  ${line}`),
      error instanceof Error ? error.message : String(error),
      `To repeat it: VITE_MODEL_SEED=${seed} VITE_MODEL_PATH=${path}`,
    ].join("\n"),
    { cause: error instanceof BrokenPromise ? error.cause : error },
  );
}
