/**
 * The flush delay for each send of the last flush, in milliseconds. A send of any size takes 18-50 µs of the room's one thread,
 * depending on the machine (workerd 1.20261023). The delay leaves time to read incoming frames.
 */
const SEND_MS = 0.035;

/** The maximum delay of a flush because of the sends of the last one, in milliseconds. */
const MAX_DELAY_MS = 50;

/**
 * Every write of the log is a billed row of any size, so the next write is delayed to hold more messages. At `perSecond`
 * messages and above, the delay is `restMs`. Below that rate, the delay is proportionally shorter. At 100 messages a second it
 * is about a millisecond, and at 2,000 a second a row holds about 20 messages. The rate is an average over about `memoryMs`,
 * so a short burst is delayed less than a steady load of the same rate.
 */
const STORES = { restMs: 13, perSecond: 2_000, memoryMs: 500 };

/** A timer this late, in milliseconds, means that the room is overloaded. Longer delays then put more into each flush. */
const LATE_MS = 4;

/** The factor by which each late timer lengthens the delay, and its maximum. */
const STRETCH = { step: 1.5, max: 2 };

/** What waits for the next flush: volatile messages alone, something to be stored, or anything else. */
export type Waiting = "volatile" | "stored" | "other";

/**
 * Decides when the next flush is due. A quiet room flushes immediately. A busy room delays the flush, so that each connection
 * receives many messages in one frame, and many messages are one row. A send of any size costs the same.
 *
 * The delay follows from the sends and stores of the last flushes, and from how late the last timer fired. It cannot be
 * measured within a turn, because the platform stops the clock there.
 */
export class FlushSchedule {
  readonly #volatileGapMs: number;
  #delayUntil = 0;
  #volatileFrom = 0;
  #storeFrom = 0;
  /** The number of stored messages, which decays with time, and when it was calculated, Unix milliseconds. */
  #stored = { count: 0, at: 0 };
  #stretch = 1;

  /** @param volatilePerSecond the maximum number of flushes a second with volatile messages alone */
  constructor(volatilePerSecond: number) {
    this.#volatileGapMs = 1_000 / volatilePerSecond;
  }

  /** When the next flush is due, Unix milliseconds. It may be in the past. A clock that is set back does not lengthen the delay. */
  dueAt(waiting: Waiting, now: number): number {
    this.#delayUntil = Math.min(this.#delayUntil, now + MAX_DELAY_MS);
    this.#volatileFrom = Math.min(this.#volatileFrom, now + this.#volatileGapMs);
    this.#storeFrom = Math.min(this.#storeFrom, now + STORES.restMs);
    switch (waiting) {
      case "volatile":
        return Math.max(this.#delayUntil, this.#volatileFrom);
      case "stored":
        return Math.max(this.#delayUntil, this.#storeFrom);
      case "other":
        return this.#delayUntil;
      default:
        return waiting satisfies never;
    }
  }

  /** Records the sends and the stored messages of a flush. */
  flushed(sends: number, stored: number, now: number): void {
    if (stored > 0) this.#noteStored(stored, now);
    if (sends === 0) return;
    this.#delayUntil = now + Math.min(MAX_DELAY_MS, this.#stretch * sends * SEND_MS);
    this.#volatileFrom = now + this.#volatileGapMs;
  }

  /** Records that the timer of a flush has fired, and when it should have. */
  came(at: number, now: number): void {
    const isLate = now - at >= LATE_MS;
    this.#stretch = isLate
      ? Math.min(STRETCH.max, this.#stretch * STRETCH.step)
      : Math.max(1, this.#stretch / STRETCH.step);
  }

  #noteStored(stored: number, now: number): void {
    const { count, at } = this.#stored;
    const kept = count * Math.exp(-Math.max(0, now - at) / STORES.memoryMs);
    this.#stored = { count: kept + stored, at: now };
    const perSecond = (this.#stored.count * 1_000) / STORES.memoryMs;
    this.#storeFrom = now + STORES.restMs * Math.min(1, perSecond / STORES.perSecond);
  }
}
