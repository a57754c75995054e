import type { RowActs } from "./act-block.ts";

/** The acts of the newest rows of the log, which are not in a block yet. */
export class RecentActs {
  readonly #rows: RowActs[] = [];
  readonly #offsets = new Map<string, Map<number, number>>();
  #rowCount = 0;
  #actCount = 0;

  /** The rows that recorded acts. */
  get rows(): readonly RowActs[] {
    return this.#rows;
  }

  /** The number of rows, including rows that recorded no act. */
  get rowCount(): number {
    return this.#rowCount;
  }

  get actCount(): number {
    return this.#actCount;
  }

  /** The offset of an act. */
  find(session: string, ref: number): number | undefined {
    return this.#offsets.get(session)?.get(ref);
  }

  /** The highest ref of a session; 0 if it has none. */
  highestOf(session: string): number {
    let highest = 0;
    for (const ref of this.#offsets.get(session)?.keys() ?? []) highest = Math.max(highest, ref);
    return highest;
  }

  add(row: RowActs): void {
    this.#rowCount++;
    if (row.refs.length === 0) return;
    this.#rows.push(row);
    this.#actCount += row.refs.length;
    for (const [session, ref, offset] of row.refs) {
      const offsets = this.#offsets.get(session);
      if (offsets === undefined) this.#offsets.set(session, new Map([[ref, offset]]));
      else offsets.set(ref, offset);
    }
  }
}
