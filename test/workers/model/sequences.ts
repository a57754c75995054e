import fc from "fast-check";
import { vi } from "vitest";
import { anyStep } from "./commands.ts";
import type { Step } from "./step.ts";
import { Simulation, type Kind } from "./simulation.ts";

const variables =
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};

/** How many sequences are run, unless `VITE_MODEL_RUNS` is set. `npm run test:long` runs more. */
const RUNS = Number(variables["VITE_MODEL_RUNS"] ?? 700);

/** A failure tells both: the seed alone runs the part again, with the path only the sequence that failed. */
const [SEED, PATH] = [variables["VITE_MODEL_SEED"], variables["VITE_MODEL_PATH"]];

/** So many sequences are one test: what their clients received is kept until the test is over. */
const RUNS_PER_PART = 100;

/** Shrinking stops in time to tell what it has found. */
const SHRINKING_MS = 120_000;

/** How long a step may take. Long, as it is only spent when a promise is broken; shorter once one is. */
const PATIENCE_MS = { first: 10_000, shrinking: 2_000 };

/**
 * A sequence is plain steps in an array, each of which passes itself over where it makes no sense, and not `fc.commands`:
 * what is printed is what was generated, a seed and a path replay it with nothing else, and shrinking a step's own
 * arguments works as shrinking the list does. The model lives for one run, so there is no state to be cloned either.
 */
const anySequence = fc.record({
  kind: fc.constantFrom<Kind>("chat", "default"),
  steps: fc.array(anyStep, { minLength: 1, maxLength: 18, size: "max" }),
});

/** One sequence. */
interface Sequence {
  kind: Kind;
  steps: Step[];
}

/** The parts, by number: each is to be a test. */
export const PARTS = Array.from(
  { length: SEED === undefined ? Math.ceil(RUNS / RUNS_PER_PART) : 1 },
  (_, index) => index + 1,
);

/** Plays a part's worth of sequences; rejects with the shortest that broke a promise. */
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

/** Plays one sequence. Whatever happened in it, in the end everyone is cut off, comes back, and has missed nothing. */
async function runSequence({ kind, steps }: Sequence, patienceMs: number): Promise<void> {
  try {
    const simulation = await Simulation.begin(kind);
    const end: Step = {
      run: () => simulation.crash([], 0, simulation.clients),
      toString: () => "everyone comes back",
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

/** What was seen broken, and after which step. */
class BrokenPromise extends Error {
  readonly last: string;

  constructor(step: Step, number: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.last = `${number}. ${String(step)}`;
  }
}

/** Waits for something, but not for ever. */
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

/** Throws what a person needs to know of a failure, and to see it again. */
async function report(run: fc.RunDetails<[Sequence]>): Promise<void> {
  if (!run.failed) return;
  const { counterexample, counterexamplePath: path, seed, numRuns, numShrinks, errorInstance: error } = run;
  if (counterexample === null)
    throw new Error(`in the time there was, only ${numRuns} sequences of the seed ${seed} were played`);
  const [{ kind, steps }] = counterexample;
  const lines = steps.map((step, index) => `${index + 1}. ${String(step)}`);
  const last = error instanceof BrokenPromise ? error.last : "before the first step";
  const end = lines.indexOf(last);
  throw new Error(
    [
      `a promise is broken by sequence ${numRuns}, shrunk ${numShrinks} times, in a room of the kind ${kind}:`,
      ...(end === -1 ? [...lines, last] : lines.slice(0, end + 1)).map((line) => `  ${line}`),
      error instanceof Error ? error.message : String(error),
      `To see it again: VITE_MODEL_SEED=${seed} VITE_MODEL_PATH=${path}`,
    ].join("\n"),
    { cause: error instanceof BrokenPromise ? error.cause : error },
  );
}
