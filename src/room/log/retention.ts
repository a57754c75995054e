import type { Mark, SegmentStore } from "./segment-store.ts";

/** The options that bound how much of a log is kept. */
export interface RetentionLimits {
  readonly historyMaxMessages: number;
  readonly historyMaxBytes: number;
  readonly historyMaxAgeMs: number;
}

/** So many rows are looked at one by one, as they go out of bounds one by one; more are searched through. */
const STEPS = 4;

/**
 * Which messages are still served: the newest, within a count, a number of bytes and an age. A row goes as a whole by
 * bytes and age; by count a log is cut to the message.
 */
export class Retention {
  readonly #store: SegmentStore;
  readonly #limits: RetentionLimits;
  /** Rows up to this offset were out of bytes or age; it only moves on, also when a clock steps back. */
  #past = 0;
  /** The row after that, when it was last looked. */
  #oldest: Mark | undefined;

  constructor(store: SegmentStore, limits: RetentionLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /**
   * The offset after which messages are served.
   *
   * @param log where the log ends: its last offset, and its bytes since the beginning
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

  /** Looks at the rows anew the next time. */
  forget(): void {
    this.#past = 0;
    this.#oldest = undefined;
  }

  /** The last offset that is past, of those from `low`, which is, to `high`; what is past comes first. */
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
