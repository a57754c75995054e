import { endsAt } from "../../limits/durations.ts";

/** What may have to be attached. */
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
 * The room's one timer: it runs only while something waits to be told, or what was sent is not attached yet. A room falls
 * asleep ten seconds after its last event, so this is over long before, and never keeps it awake.
 */
export class Wakeup {
  readonly #turn: (at: number) => void;
  readonly #attachAfterMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;
  #attachAt = Infinity;

  /**
   * @param turn handles an event that is nobody's, and is told when it should have come
   * @param attachAfterMs how long what was sent may wait to be attached: 4 µs for each connection
   */
  constructor(turn: (at: number) => void, attachAfterMs: number) {
    this.#turn = turn;
    this.#attachAfterMs = attachAfterMs;
  }

  /** Sees that what was sent is attached in time, and that the room is woken for what has to wait, if anything does. */
  tend(sessions: Attachable, waitsUntil: readonly (number | undefined)[], now: number): void {
    if (sessions.isSettled) this.#attachAt = Infinity;
    else this.#attachAt = Math.min(this.#attachAt, now + this.#attachAfterMs);
    if (this.#attachAt <= now) {
      sessions.settle();
      this.#attachAt = Infinity;
    }
    this.wakeAt(Math.min(this.#attachAt, ...waitsUntil.map((at) => at ?? Infinity)), now);
  }

  /** Sees that the room is woken at a time, Unix milliseconds, or before. */
  wakeAt(at: number, now: number): void {
    if (at >= this.#at) return; // It comes before that, and looks again.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#at = Infinity;
        if (at >= this.#attachAt) this.#attachAt = -Infinity; // A clock that was set back puts nothing off.
        this.#turn(at);
      },
      Math.max(0, endsAt(at, MAX_WAIT_MS, now) - now),
    );
  }
}
