import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Which core the server and the generator have to themselves. */
const SERVER_CORE = "0";
const GENERATOR_CORE = "1";

/** How processes are kept apart. */
export interface Pinning {
  /** The command that runs a server on its own core; empty where that cannot be. */
  readonly runner: readonly string[];
  /** What there is to say about it. */
  readonly note: string;
}

/**
 * Puts this process, the generator, on one core and says how to run servers on another: else the two get in each other's
 * way, by as much as the scheduler likes. On a machine with one core, or without `taskset`, they share what there is.
 */
export function pin(): Pinning {
  const apart = (why: string): Pinning => ({
    runner: [],
    note: `the server and the generator share the processor: ${why}`,
  });
  if (availableParallelism() < 2) return apart("there is one core");
  const runner = ["taskset", "--cpu-list", SERVER_CORE];
  if (!succeeds([...runner, "true"])) return apart("taskset is absent, or may not use core 0");
  const self = ["taskset", "--all-tasks", "--cpu-list", "--pid", GENERATOR_CORE, String(process.pid)];
  if (!succeeds(self)) return apart("taskset may not use core 1");
  return { runner, note: `the server runs on core ${SERVER_CORE}, the generator on core ${GENERATOR_CORE}` };
}

function succeeds([command = "", ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
