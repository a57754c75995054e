import fc from "fast-check";
import type { Simulation } from "./simulation.ts";

/** One step of a sequence. What makes no sense when it comes is passed over. */
export interface Step {
  run(simulation: Simulation): Promise<void>;
  /** For the report of a failure. */
  toString(): string;
}

/** Defines a command by what it may be given and what it does, to the room and to the model alike. */
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
