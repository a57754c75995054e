import type { Sessions } from "./sessions.ts";
import { Pace } from "./pace.ts";

/** Attachments written a second. */
const ATTACHMENTS = { perSecond: 5_000, burst: 5_000 };

/**
 * The room's one timer: it runs only while something waits to be told, or what was sent is not attached yet. A room falls
 * asleep ten seconds after its last event, so this is over long before, and never keeps it awake.
 */
export class Wakeup {
  readonly #turn: (at: number) => void;
  readonly #pace = new Pace(ATTACHMENTS);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  /** @param turn handles an event that is nobody's, and is told when it should have come */
  constructor(turn: (at: number) => void) {
    this.#turn = turn;
  }

  /** Attaches what a flush has sent, and sees that the room is woken for what has to wait. */
  tend(sessions: Sessions, waitsUntil: number, now: number): void {
    const { dirtyCount } = sessions;
    const isDone = dirtyCount === 0 || this.#pace.take(dirtyCount, now);
    if (isDone) sessions.settle();
    this.wakeAt(Math.min(waitsUntil, isDone ? Infinity : (this.#pace.at ?? Infinity)), now);
  }

  /** Sees that the room is woken at a time, Unix milliseconds, or before. */
  wakeAt(at: number, now: number): void {
    if (at >= this.#at) return; // It comes before that, and looks again.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#at = Infinity;
        this.#turn(at);
      },
      Math.max(0, at - now),
    );
  }
}
