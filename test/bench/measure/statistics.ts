/** The summary of one figure over all rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median and the bounds of some values; `undefined` if there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const [below, above] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return { median: ((sorted[below] ?? min) + (sorted[above] ?? max)) / 2, min, max };
}
