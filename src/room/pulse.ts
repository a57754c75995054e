/** What one send costs a room's one thread, in milliseconds: 30-50 µs whatever its size (workerd 1.20261023). */
const SEND_MS = 0.04;

/** What is said waits no longer than this to be told together with more, in milliseconds. */
const MAX_REST_MS = 50;

/** A timer this late, in milliseconds, tells that more has come than could be handled: longer rests gather more. */
const LATE_MS = 4;

/** How much longer rests become under pressure, and at the most. */
const STRETCH = { step: 1.5, max: 2 };

/**
 * When what has happened is told: at once while the room is quiet; while it is busy, together with what follows, so that
 * each connection is sent one frame for many messages. A send costs the same whatever it carries.
 *
 * How busy it is follows from what the last flush sent, and from how late the timer of the next one came; never from a
 * clock within a turn, which production stops.
 */
export class Pulse {
  readonly #volatileGapMs: number;
  #restUntil = 0;
  #volatileFrom = 0;
  #stretch = 1;

  /** @param volatilePerSecond how often volatile messages alone are told */
  constructor(volatilePerSecond: number) {
    this.#volatileGapMs = 1_000 / volatilePerSecond;
  }

  /** When the next flush is due, Unix milliseconds; it may be past. A clock that was set back makes no longer rest. */
  dueAt(isVolatileOnly: boolean, now: number): number {
    const restUntil = Math.min(this.#restUntil, now + MAX_REST_MS);
    return isVolatileOnly
      ? Math.max(restUntil, Math.min(this.#volatileFrom, now + this.#volatileGapMs))
      : restUntil;
  }

  /** Notes a flush, and how many sends it was. */
  flushed(sends: number, now: number): void {
    if (sends === 0) return;
    this.#restUntil = now + Math.min(MAX_REST_MS, this.#stretch * sends * SEND_MS);
    this.#volatileFrom = now + this.#volatileGapMs;
  }

  /** Notes that the timer of a flush came, and when it should have. */
  came(at: number, now: number): void {
    const isLate = now - at >= LATE_MS;
    this.#stretch = isLate
      ? Math.min(STRETCH.max, this.#stretch * STRETCH.step)
      : Math.max(1, this.#stretch / STRETCH.step);
  }
}
