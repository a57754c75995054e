import { expect } from "vitest";
import { nameOf } from "./table.ts";

/** What was found of one who asks, and what the table says, by row. */
export interface Comparison {
  readonly found: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** Has everyone of a list do the same, all at once, each in a room of their own; tells every deviation from the table. */
export async function expectOfEach(
  holders: readonly (readonly string[])[],
  compare: (held: readonly string[]) => Promise<Comparison>,
): Promise<void> {
  const comparisons = await Promise.all(holders.map(compare));
  const deviations = comparisons.flatMap(({ found, expected }, index) =>
    Object.keys({ ...expected, ...found })
      .filter((row) => JSON.stringify(found[row]) !== JSON.stringify(expected[row]))
      .map((row) => ({
        who: `who holds ${nameOf(holders[index] ?? [])}`,
        ...{ row, found: found[row], expected: expected[row] },
      })),
  );

  expect(comparisons.every(({ found }) => Object.keys(found).length > 0)).toBe(true);
  expect(deviations).toEqual([]);
}
