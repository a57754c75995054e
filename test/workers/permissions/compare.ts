import { expect } from "vitest";
import { nameOf } from "./table.ts";

/** The observed results for one client and the results that the table expects, by row. */
export interface Comparison {
  readonly found: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** Runs the same comparison for every set of capabilities, each in its own room. Reports every deviation from the table. */
export async function expectOfEach(
  holders: readonly (readonly string[])[],
  compare: (held: readonly string[]) => Promise<Comparison>,
): Promise<void> {
  const comparisons = await Promise.all(holders.map(compare));
  const deviations = comparisons.flatMap(({ found, expected }, index) =>
    Object.keys({ ...expected, ...found })
      .filter((row) => JSON.stringify(found[row]) !== JSON.stringify(expected[row]))
      .map((row) => ({
        who: `a client that has ${nameOf(holders[index] ?? [])}`,
        ...{ row, found: found[row], expected: expected[row] },
      })),
  );

  expect(comparisons.every(({ found }) => Object.keys(found).length > 0)).toBe(true);
  expect(deviations).toEqual([]);
}
