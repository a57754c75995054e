import fc from "fast-check";
import type { Simulation } from "./simulation.ts";

/** One step of a sequence. A step that makes no sense at its time is skipped. */
export interface Step {
  run(simulation: Simulation): Promise<void>;
  /** For the report of a failure. */
  toString(): string;
}

/** Defines a command by its possible arguments and its effect on both the room and the model. */
export function command<Args>(
  name: string,
  weight: number,
  args: fc.Arbitrary<Args>,
  run: (simulation: Simulation, args: Args) => Promise<void>,
): fc.WeightedArbitrary<Step> {
  const arbitrary = args.map((each) => ({
    run: (simulation: Simulation) => run(simulation, each),
    toString: () => `${name} ${fc.stringify(each)}`,
  }));
  return { weight, arbitrary };
}
