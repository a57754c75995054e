/** Time and randomness. Tests pass a substitute. */
export interface Clock {
  /** Milliseconds since an arbitrary moment, never decreasing. Not the time of day, because a device's clock may jump. */
  now(): number;
  /** The same as `Math.random`. */
  readonly random: () => number;
  /** Calls back once, after the delay in milliseconds, bounded by clampDelay. The returned function cancels it. */
  startTimer(callback: () => void, ms: number): () => void;
}

/** The names of a room's timers. */
export type TimerName = "attempt" | "liveness" | "flush" | "renewal";

/** The timers of a room, at most one of each name. The code that sets a timer also clears it when it is obsolete. */
export class Timers {
  readonly #clock: Clock;
  readonly #running = new Map<TimerName, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts a timer. Replaces a running one of the same name. */
  set(name: TimerName, ms: number, callback: () => void): void {
    this.clear(name);
    const cancel = this.#clock.startTimer(() => {
      this.#running.delete(name);
      callback();
    }, ms);
    this.#running.set(name, cancel);
  }

  /** Stops a timer, if it is running. */
  clear(name: TimerName): void {
    this.#running.get(name)?.();
    this.#running.delete(name);
  }
}
