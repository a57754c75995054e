import { LoadTarget } from "../load/load-target.ts";
import type { Outcome, Setup } from "./scenario.ts";

/** The timeout of a run: some minutes to join and to drain. The measured time is added. */
const RUN_TIMEOUT_MS = 180_000;

/**
 * Returns a run that starts a new server, does the work with it, and always ends it.
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

/** Resolves like the work, or rejects after a timeout. */
export async function withTimeout<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not finished after ${ms / 1_000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
