/** Names with at least this many letters may differ in two places, shorter ones in one. */
const LONG_NAME = 9;

/**
 * The known name that is most similar to an unknown name; `undefined` if none is similar. Ignores case, separators and the
 * prefix `PARLOR_`, so that `maxMembers` and `PARLOR_MAX_MEMBERS` are near `MAX_MEMBERS`.
 */
export function nearestName(unknown: string, known: Iterable<string>): string | undefined {
  const letters = lettersOf(unknown);
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const wanted = lettersOf(name);
    const max = wanted.length < LONG_NAME ? 1 : 2;
    if (Math.abs(wanted.length - letters.length) > max) continue;
    const distance = editDistance(letters, wanted);
    if (distance <= max && distance < (nearest?.distance ?? Infinity)) nearest = { name, distance };
  }
  return nearest?.name;
}

function lettersOf(name: string): string {
  return name
    .toUpperCase()
    .replace(/^PARLOR_/, "")
    .replace(/[^A-Z0-9]/g, "");
}

/** The edit distance: the number of letters to insert, delete, replace, or swap with their neighbour. */
function editDistance(from: string, to: string): number {
  let [before, above]: [number[], number[]] = [
    [],
    Array.from({ length: to.length + 1 }, (_, index) => index),
  ];
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const at = (line: readonly number[], index: number): number => line[index] ?? Infinity;
      current.push(
        Math.min(
          at(above, column) + 1,
          at(current, column - 1) + 1,
          at(above, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(before, column - 2) + 1 : Infinity,
        ),
      );
    }
    [before, above] = [above, current];
  }
  return above[to.length] ?? Infinity;
}
