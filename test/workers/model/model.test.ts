import { it } from "vitest";
import { expectPromisesKept, PARTS } from "./sequences.ts";

it.each(PARTS)(
  "[G1 G2 G3 G4 G5 G6 G7 G8 G9 L5 L7 A7 T1 T2 T3 T4] a random sequence of steps breaks no promise: part %i",
  { timeout: 300_000 },
  async () => {
    await expectPromisesKept();
  },
);
