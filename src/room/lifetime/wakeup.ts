import { endsAt } from "../../limits/durations.ts";

/** Work that waits for a time. */
export interface Waiter {
  /**
   * When the work is due, Unix milliseconds; `undefined` or `Infinity` while there is none. Every flush calls this. It never
   * returns a time that is further ahead of `now` than the full wait, so that a clock that was set back delays nothing
   * (limits/durations.ts).
   */
  dueAt(now: number): number | undefined;
  /**
   * Does the work that is due. The room calls this in each turn of its timer, also if the timer was set for other work.
   *
   * @param dueBy work that was planned until this time is due. It is `now`, or later if the clock was set back since then
   */
  run(now: number, dueBy: number): void;
}

/** Changes that may have to be written to the attachments of connections. */
interface Attachable {
  readonly isSettled: boolean;
  settle(): void;
}

/**
 * The longest wait of a room, in milliseconds. A longer one means that the clock was set back. A timer that fires too early
 * is set again.
 */
const MAX_WAIT_MS = 5_000;

/**
 * The room's one timer. It runs only while a flush is delayed, a {@link Waiter} waits, or changes are not attached yet. A room
 * hibernates ten seconds after its last event. The timer has fired long before, so it never keeps the room awake.
 */
export class Wakeup {
  readonly #turn: (plannedAt: number) => void;
  readonly #waiters: readonly Waiter[];
  readonly #attachAfterMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;
  #attachAt = Infinity;

  /**
   * @param turn handles a turn of the timer, and receives its planned time, Unix milliseconds. It must call {@link run},
   * and then {@link tend} or {@link arm}
   * @param attachAfterMs the maximum delay before changes are attached, which takes 4 µs for each connection
   */
  constructor(turn: (plannedAt: number) => void, waiters: readonly Waiter[], attachAfterMs: number) {
    this.#turn = turn;
    this.#waiters = waiters;
    this.#attachAfterMs = attachAfterMs;
  }

  /** Runs all waiters. Each does the work that is due. */
  run(now: number, dueBy: number): void {
    for (const waiter of this.#waiters) waiter.run(now, dueBy);
  }

  /** Attaches changes if that is due, and arms the timer. Has the parameters of {@link arm}. */
  tend(sessions: Attachable, now: number, latest = Infinity): void {
    if (sessions.isSettled) this.#attachAt = Infinity;
    else this.#attachAt = Math.min(this.#attachAt, now + this.#attachAfterMs);
    if (this.#attachAt <= now) {
      sessions.settle();
      this.#attachAt = Infinity;
    }
    this.arm(now, Math.min(this.#attachAt, latest));
  }

  /**
   * Sets the timer for the first waiter.
   *
   * @param latest the timer fires at this time if no waiter is due before, Unix milliseconds
   */
  arm(now: number, latest = Infinity): void {
    let at = latest;
    for (const waiter of this.#waiters) at = Math.min(at, waiter.dueAt(now) ?? Infinity);
    at = Math.max(at, now); // Work that has been due for a while does not make the timer late.
    if (at < this.#at) this.#set(at, now); // A timer that fires before sets the next one.
  }

  #set(at: number, now: number): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#at = Infinity;
        if (at >= this.#attachAt) this.#attachAt = -Infinity; // Changes are due even if the clock was set back.
        this.#turn(at);
      },
      Math.max(0, endsAt(at, MAX_WAIT_MS, now) - now),
    );
  }
}
