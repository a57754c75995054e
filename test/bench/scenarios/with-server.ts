import { LoadTarget } from "../load/load-target.ts";
import type { Outcome, Setup } from "./scenario.ts";

/** A run that has not ended by then will not: the longest asked for, and some minutes to join and to drain. */
const RUN_TIMEOUT_MS = 180_000;

/**
 * Makes a run of what is to be done with a server: starts a fresh one, and ends it whatever happens.
 *
 * @param vars variables for Parlor
 */
export function withServer(
  work: (target: LoadTarget, setup: Setup) => Promise<Outcome>,
  vars: Readonly<Record<string, string>> = {},
): (setup: Setup) => Promise<Outcome> {
  return async (setup) => {
    const { contender, runner, size, progress } = setup;
    progress("starting");
    const server = await contender.start({ runner, vars });
    const target = new LoadTarget(contender, server);
    try {
      return await withTimeout(RUN_TIMEOUT_MS + 4_000 * size.seconds, work(target, setup));
    } finally {
      target.end();
      await server[Symbol.asyncDispose]();
    }
  };
}

/** Resolves as the work does, or rejects when it has taken too long. */
export async function withTimeout<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it had not ended after ${ms / 1_000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
