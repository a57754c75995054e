import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** The cores of the server and of the generator. */
const SERVER_CORE = "0";
const GENERATOR_CORE = "1";

/** How the server and the generator are separated. */
export interface Pinning {
  /** The command that runs a server on its own core. Empty if that is not possible. */
  readonly runner: readonly string[];
  /** A line about it for the results. */
  readonly note: string;
}

/**
 * Pins this process, the generator, to one core and returns how to run servers on another. Otherwise the scheduler lets the
 * two interfere. On a machine with one core, or without `taskset`, they share the processor.
 */
export function pin(): Pinning {
  const apart = (why: string): Pinning => ({
    runner: [],
    note: `the server and the generator share the processor: ${why}`,
  });
  if (availableParallelism() < 2) return apart("there is one core");
  const runner = ["taskset", "--cpu-list", SERVER_CORE];
  if (!succeeds([...runner, "true"])) return apart("taskset is missing or cannot use core 0");
  const self = ["taskset", "--all-tasks", "--cpu-list", "--pid", GENERATOR_CORE, String(process.pid)];
  if (!succeeds(self)) return apart("taskset cannot use core 1");
  return { runner, note: `the server runs on core ${SERVER_CORE}, the generator on core ${GENERATOR_CORE}` };
}

function succeeds([command = "", ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
