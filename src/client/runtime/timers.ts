/** Time and chance, so that tests can hold them. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. Not the time of day: a device's clock may be wrong, and may jump. */
  now(): number;
  /** As `Math.random`. */
  readonly random: () => number;
  /** Calls back once, after the delay in milliseconds, bounded by clampDelay. The returned function cancels it. */
  startTimer(callback: () => void, ms: number): () => void;
}

/** The names of the timers that a room can have running. */
export type TimerName = "attempt" | "liveness" | "flush" | "leave" | "renewal";

/** The timers of a room, at most one of each name. Whoever sets one sees to it that it does not outlive its use. */
export class Timers {
  readonly #clock: Clock;
  readonly #running = new Map<TimerName, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts a timer, in place of one of the same name. */
  set(name: TimerName, ms: number, callback: () => void): void {
    this.clear(name);
    const cancel = this.#clock.startTimer(() => {
      this.#running.delete(name);
      callback();
    }, ms);
    this.#running.set(name, cancel);
  }

  /** Calls a timer off, if it runs. */
  clear(name: TimerName): void {
    this.#running.get(name)?.();
    this.#running.delete(name);
  }
}
