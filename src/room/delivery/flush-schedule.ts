/**
 * How long the room rests for each send, in milliseconds: one takes 18-50 µs of its one thread, whatever its size
 * (workerd 1.20261023, by the machine), and what comes meanwhile wants to be read as well.
 */
const SEND_MS = 0.035;

/** What is said waits no longer than this to be told together with more, in milliseconds. */
const MAX_DELAY_MS = 50;

/**
 * Every write of the log is a billed row, whatever it holds: at `perSecond` messages and above the next waits for `restMs`,
 * below for as much less as fewer messages would be gathered. So 100 a second are hardly held up, and at 2,000 a second
 * a row holds some 20. The rate is that of the last `memoryMs` or so: money is spent by what goes on, and a burst, which does
 * not, is held up less.
 */
const STORES = { restMs: 13, perSecond: 2_000, memoryMs: 500 };

/** A timer this late, in milliseconds, tells that more has come than could be handled: longer rests gather more. */
const LATE_MS = 4;

/** How much longer rests become under pressure, and at the most. */
const STRETCH = { step: 1.5, max: 2 };

/** What waits to be told: volatile messages alone, something to be stored before, or anything else. */
export type Waiting = "volatile" | "stored" | "other";

/**
 * When what has happened is told: at once while the room is quiet; while it is busy, together with what follows, so that
 * each connection is sent one frame for many messages, and many are one row. A send costs the same whatever it carries.
 *
 * How busy it is follows from what the last flushes sent and stored, and from how late the timer of the next one came;
 * never from a clock within a turn, which production stops.
 */
export class FlushSchedule {
  readonly #volatileGapMs: number;
  #delayUntil = 0;
  #volatileFrom = 0;
  #storeFrom = 0;
  /** Messages stored lately, the less of each the longer ago, and when that was reckoned. */
  #stored = { count: 0, at: 0 };
  #stretch = 1;

  /** @param volatilePerSecond how often volatile messages alone are told */
  constructor(volatilePerSecond: number) {
    this.#volatileGapMs = 1_000 / volatilePerSecond;
  }

  /** When the next flush is due, Unix milliseconds; it may be past. A clock that was set back makes no longer rest. */
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

  /** Notes a flush: how many sends it was, and how many messages it stored. */
  flushed(sends: number, stored: number, now: number): void {
    if (stored > 0) this.#noteStored(stored, now);
    if (sends === 0) return;
    this.#delayUntil = now + Math.min(MAX_DELAY_MS, this.#stretch * sends * SEND_MS);
    this.#volatileFrom = now + this.#volatileGapMs;
  }

  /** Notes that the timer of a flush came, and when it should have. */
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
