import type { Segment } from "./segment-store.ts";

/** The most that a tail holds: about what a thousand members miss while a deploy restarts their room. */
const MAX_ROWS = 4_096;
const MAX_CHARS = 2_097_152;

/** The newest rows of a log, in memory: always an unbroken run that ends with the last. */
export class SegmentCache {
  /** Ascending. */
  #segments: Segment[] = [];
  #chars = 0;
  /** Whether there was a row before its first that did not fit. */
  #hasLeftOut = false;

  /** The offset it begins at; infinite while it is empty. */
  get first(): number {
    return this.#segments[0]?.first ?? Infinity;
  }

  /** Whether it holds the row of an offset, and so everything after it. */
  covers(offset: number): boolean {
    return offset >= this.first;
  }

  /** Adds the newest row. */
  add(segment: Segment): void {
    this.#segments.push(segment);
    this.#chars += segment.body.length;
    // Half of it at a time, so that it is not copied for every row.
    while (this.#isFull(0)) this.#keep(Math.floor(this.#segments.length / 2));
  }

  /** Whether earlier rows may fit. Checking again costs the read of a row. */
  get mayExtend(): boolean {
    return !this.#hasLeftOut;
  }

  /** Adds rows before its first, newest first, as many as it has room for. */
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

  /** The last row that begins at an offset or before it; -1 when there is none. */
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
