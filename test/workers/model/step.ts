import fc from "fast-check";
import type { Game } from "./simulation.ts";

/** One step of a sequence. What makes no sense when it comes is passed over. */
export interface Step {
  run(game: Game): Promise<void>;
  /** For the report of a failure. */
  toString(): string;
}

/** Defines a command by what it may be given and what it does, to the room and to the model alike. */
export function command<Args>(
  name: string,
  weight: number,
  args: fc.Arbitrary<Args>,
  run: (game: Game, args: Args) => Promise<void>,
): fc.WeightedArbitrary<Step> {
  const arbitrary = args.map((each) => ({
    run: (game: Game) => run(game, each),
    toString: () => `${name} ${fc.stringify(each)}`,
  }));
  return { weight, arbitrary };
}
