import type { Segment } from "./segment-store.ts";

/** The limits of the cache: about what a thousand members miss while a deploy restarts their room. */
const MAX_ROWS = 4_096;
const MAX_CHARS = 2_097_152;

/** The newest rows of a log in memory: always a run without gaps that ends with the last row. */
export class SegmentCache {
  /** Ascending. */
  #segments: Segment[] = [];
  #chars = 0;
  /** Whether an earlier row did not fit. */
  #hasLeftOut = false;

  /** The offset at which the cache begins; infinite while it is empty. */
  get first(): number {
    return this.#segments[0]?.first ?? Infinity;
  }

  /** Whether the cache holds the row of an offset, and so everything after it. */
  covers(offset: number): boolean {
    return offset >= this.first;
  }

  /** Adds the newest row. */
  add(segment: Segment): void {
    this.#segments.push(segment);
    this.#chars += segment.body.length;
    // Drops half of the rows at a time, so that the array is not copied for every row.
    while (this.#isFull(0)) this.#keep(Math.floor(this.#segments.length / 2));
  }

  /** Whether earlier rows may fit. Checking again costs one row read. */
  get mayExtend(): boolean {
    return !this.#hasLeftOut;
  }

  /** Adds rows before the first, newest first, as many as fit. */
  extend(older: Iterable<Segment>): void {
    const found: Segment[] = [];
    for (const segment of older) {
      this.#hasLeftOut =
        this.#segments.length + found.length >= MAX_ROWS || this.#isFull(segment.body.length);
      if (this.#hasLeftOut) break;
      found.push(segment);
      this.#chars += segment.body.length;
    }
    this.#segments = [...found.toReversed(), ...this.#segments];
  }

  /** Rows, ascending, from the one that holds an offset. */
  *from(offset: number): Generator<Segment> {
    for (let index = this.#indexOf(offset); index < this.#segments.length; index++) {
      const segment = this.#segments[index];
      if (segment !== undefined) yield segment;
    }
  }

  /** Rows, descending, from the one that holds an offset. */
  *downFrom(offset: number): Generator<Segment> {
    for (let index = this.#indexOf(offset); index >= 0; index--) {
      const segment = this.#segments[index];
      if (segment !== undefined) yield segment;
    }
  }

  #isFull(more: number): boolean {
    return this.#segments.length > MAX_ROWS || this.#chars + more > MAX_CHARS;
  }

  #keep(count: number): void {
    this.#segments = this.#segments.slice(this.#segments.length - count);
    this.#hasLeftOut = false;
    this.#chars = this.#segments.reduce((sum, { body }) => sum + body.length, 0);
  }

  /** The index of the last row that begins at or before an offset; -1 if there is none. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle]?.first ?? Infinity) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
