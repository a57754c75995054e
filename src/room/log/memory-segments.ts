import { randomEpoch } from "../../protocol/ids.ts";
import type { Mark, NewSegment, Segment, SegmentRefs, SegmentStore } from "./segment-store.ts";

/** The rows of the log for a kind that stores nothing. They live as long as the object, and so does their epoch. */
export class MemorySegments implements SegmentStore {
  /** Absent until the first join, as in a stored log. */
  epoch: string | undefined;
  /** Ascending. Rows before `#start` are removed. */
  #segments: NewSegment[] = [];
  #start = 0;

  open(): string {
    this.epoch ??= randomEpoch();
    return this.epoch;
  }

  newest(): (Mark & { readonly end: number }) | undefined {
    const newest = this.#segments.at(-1);
    return newest && { ...newest, end: newest.start + newest.bytes };
  }

  markFrom(offset: number): Mark | undefined {
    const index = this.#indexOf(offset);
    return this.#at(this.#at(index)?.first === offset ? index : index + 1);
  }

  markAt(offset: number): Mark | undefined {
    return this.#at(this.#indexOf(offset));
  }

  isInMemory(): boolean {
    return true;
  }

  *from(offset: number): Generator<Segment> {
    for (let index = Math.max(this.#indexOf(offset), this.#start); index < this.#segments.length; index++) {
      const segment = this.#segments[index];
      if (segment !== undefined) yield segment;
    }
  }

  *downFrom(offset: number): Generator<Segment> {
    for (let index = this.#indexOf(offset); index >= this.#start; index--) {
      const segment = this.#segments[index];
      if (segment !== undefined) yield segment;
    }
  }

  /** Yields nothing. Deduplication keeps acts in memory for the life of the object, so it never reads them here. */
  *refsFrom(): Generator<SegmentRefs> {}

  transaction<Value>(work: () => Value): Value {
    return work();
  }

  add(segments: readonly NewSegment[]): void {
    this.#segments.push(...segments);
  }

  trim(upTo: number): void {
    for (;;) {
      const oldest = this.#at(this.#start);
      if (oldest === undefined || oldest.last > upTo) break;
      this.#start++;
    }
    if (this.#start * 2 <= this.#segments.length) return;
    this.#segments = this.#segments.slice(this.#start);
    this.#start = 0;
  }

  #at(index: number): NewSegment | undefined {
    return index < this.#start ? undefined : this.#segments[index];
  }

  /** The last row that begins at or before an offset; the index before the first row if there is none. */
  #indexOf(offset: number): number {
    let [low, high] = [this.#start, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle]?.first ?? Infinity) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
