import { hashOf } from "./hash.ts";
import type { StoredRef } from "./segment-store.ts";

/** The acts that one row of the log recorded, and the time of the row in Unix milliseconds. */
export interface RowActs {
  readonly at: number;
  readonly refs: readonly StoredRef[];
}

/** The data of a block that is available without reading its acts. */
export interface BlockMark {
  /** The offsets of the rows that it covers. */
  readonly first: number;
  readonly last: number;
  /** The number of acts before this block. Only differences between blocks are meaningful. */
  readonly before: number;
  /** The number of acts in this block; 0 if its rows recorded none. */
  readonly acts: number;
  /** The times at which its oldest and its newest act were stored, Unix milliseconds. */
  readonly since: number;
  readonly at: number;
  /** For each session: the hash of its id, its lowest ref and its highest ref. */
  readonly digest: Float64Array;
}

/** An act of a block: its offset, and the number of acts before it in the block. */
export interface PlacedAct {
  readonly offset: number;
  readonly index: number;
}

/**
 * The refs of one session in a block. Two sessions may share a hash, so the range may be too wide, but never too
 * narrow.
 */
export interface RefRange {
  readonly lowest: number;
  readonly highest: number;
}

/** The count of numbers in a digest for each session. */
const STRIDE = 3;

const NO_ACTS: ReadonlyMap<number, PlacedAct> = new Map();

/** Acts of consecutive rows of the log. The mark stays in memory. The acts are read when a lookup needs them. */
export class ActBlock {
  readonly mark: BlockMark;
  readonly #read: () => readonly RowActs[];
  #rows: readonly RowActs[] | undefined;
  #bySession: Map<string, Map<number, PlacedAct>> | undefined;

  /** @param read reads the acts from where they are stored */
  constructor(mark: BlockMark, read: () => readonly RowActs[], rows?: readonly RowActs[]) {
    this.mark = mark;
    this.#read = read;
    this.#rows = rows;
  }

  /** The number of acts up to and including this block. */
  get end(): number {
    return this.mark.before + this.mark.acts;
  }

  get rows(): readonly RowActs[] {
    this.#rows ??= this.#read();
    return this.#rows;
  }

  /** Drops data that can be read again. */
  release(): void {
    this.#rows = undefined;
    this.#bySession = undefined;
  }

  /** The number of its acts that were stored before a time. */
  countBefore(time: number): number {
    const { since, at, acts } = this.mark;
    if (at < time) return acts;
    if (since >= time) return 0;
    let count = 0;
    for (const row of this.rows) {
      if (row.at >= time) break;
      count += row.refs.length;
    }
    return count;
  }

  /** The range of a session's refs, by the session's hash; `undefined` if the session has no acts in this block. */
  rangeOf(hash: number): RefRange | undefined {
    const { digest } = this.mark;
    for (let at = 0; at < digest.length; at += STRIDE) {
      if (digest[at] === hash) return { lowest: digest[at + 1] ?? 0, highest: digest[at + 2] ?? 0 };
    }
    return undefined;
  }

  /** A session's acts, by ref. */
  actsOf(session: string): ReadonlyMap<number, PlacedAct> {
    this.#bySession ??= placeActs(this.rows);
    return this.#bySession.get(session) ?? NO_ACTS;
  }
}

/** Computes the mark of a block that consists of these rows. */
export function markOf(
  rows: readonly RowActs[],
  place: Pick<BlockMark, "first" | "last" | "before">,
): BlockMark {
  const ranges = new Map<number, { lowest: number; highest: number }>();
  let acts = 0;
  for (const { refs } of rows) {
    acts += refs.length;
    for (const [session, ref] of refs) {
      const hash = hashOf(session);
      const range = ranges.get(hash);
      if (range === undefined) ranges.set(hash, { lowest: ref, highest: ref });
      else {
        range.lowest = Math.min(range.lowest, ref);
        range.highest = Math.max(range.highest, ref);
      }
    }
  }
  const digest = new Float64Array(ranges.size * STRIDE);
  let at = 0;
  for (const [hash, { lowest, highest }] of ranges) {
    digest.set([hash, lowest, highest], at);
    at += STRIDE;
  }
  return { ...place, acts, since: rows[0]?.at ?? 0, at: rows.at(-1)?.at ?? 0, digest };
}

function placeActs(rows: readonly RowActs[]): Map<string, Map<number, PlacedAct>> {
  const bySession = new Map<string, Map<number, PlacedAct>>();
  let index = 0;
  for (const { refs } of rows) {
    for (const [session, ref, offset] of refs) {
      let acts = bySession.get(session);
      if (acts === undefined) bySession.set(session, (acts = new Map()));
      acts.set(ref, { offset, index: index++ });
    }
  }
  return bySession;
}
