import type { Mark, SegmentStore } from "./segment-store.ts";

/** The options that limit how much of a log is kept. */
export interface RetentionLimits {
  readonly historyMaxMessages: number;
  readonly historyMaxBytes: number;
  readonly historyMaxAgeMs: number;
}

/**
 * Up to this many rows are checked one by one, because rows usually expire one by one. Beyond that a binary search is
 * used.
 */
const STEPS = 4;

/**
 * Decides which messages are still served: the newest, limited by count, bytes and age. Bytes and age drop whole rows.
 * The count limit is exact to the message.
 */
export class Retention {
  readonly #store: SegmentStore;
  readonly #limits: RetentionLimits;
  /** Rows up to this offset exceeded the limit of bytes or age. It never decreases, even if the clock is set back. */
  #past = 0;
  /** The next row, as of the last check. */
  #oldest: Mark | undefined;

  constructor(store: SegmentStore, limits: RetentionLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /**
   * The offset after which messages are served.
   *
   * @param log the end of the log: its last offset, and its bytes since the beginning
   */
  floor(log: { readonly head: number; readonly end: number }, now: number): number {
    const isPast = (mark: Mark): boolean => this.#isPast(mark, log.end, now);
    let oldest = this.#oldest ?? this.#store.markFrom(this.#past + 1);
    for (let steps = 1; oldest !== undefined && isPast(oldest); steps++) {
      this.#past = steps < STEPS ? oldest.last : this.#lastPast(oldest.last, log.head, isPast);
      oldest = this.#store.markFrom(this.#past + 1);
    }
    this.#oldest = oldest;
    return Math.max(
      oldest === undefined ? log.head : oldest.first - 1,
      log.head - this.#limits.historyMaxMessages,
    );
  }

  /** Discards what is known of the rows, so that the next call reads them again. */
  forget(): void {
    this.#past = 0;
    this.#oldest = undefined;
  }

  /** The last expired offset between `low`, which is expired, and `high`. Expired rows come before all others. */
  #lastPast(low: number, high: number, isPast: (mark: Mark) => boolean): number {
    while (low < high) {
      const mark = this.#store.markAt(Math.ceil((low + high) / 2));
      if (mark === undefined) break;
      if (isPast(mark)) low = mark.last;
      else high = mark.first - 1;
    }
    return low;
  }

  #isPast({ at, start }: Mark, end: number, now: number): boolean {
    return at < now - this.#limits.historyMaxAgeMs || end - start > this.#limits.historyMaxBytes;
  }
}
