import type { Environment, Signals } from "../../../src/client/runtime/environment.ts";

interface FakeTimer {
  readonly at: number;
  readonly callback: () => void;
}

/** The device's clock when a world begins, in Unix milliseconds, above which a client's attempts are numbered. */
export const FIRST_ATTEMPT = 1_000;

/** The monotonic clock when a world begins, in milliseconds. */
const START = 10_000_000;

/** Runs all promises that are ready, without time passing. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time, randomness and the browser's signals, controlled by the test. */
export class FakeWorld implements Environment {
  /** The result of `random`. With 0.5 a delay is half its maximum. */
  chance = 0.5;
  /** The errors of listeners. */
  readonly reported: unknown[] = [];
  /** The room's handlers of signals; `undefined` once it has stopped. */
  signals: Signals | undefined;
  #now = START;
  #timers: FakeTimer[] = [];

  /** When the running timers fire, in milliseconds from now, the first one first. */
  get timers(): number[] {
    return this.#timers.map(({ at }) => at - this.#now).toSorted((one, other) => one - other);
  }

  now = (): number => this.#now;

  random = (): number => this.chance;

  unixNow = (): number => FIRST_ATTEMPT + this.#now - START;

  readonly worked = new Map<string, string>();

  report = (error: unknown): void => void this.reported.push(error);

  startTimer(callback: () => void, ms: number): () => void {
    const timer: FakeTimer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  watch = (signals: Signals): (() => void) => {
    this.signals = signals;
    return () => {
      this.signals = undefined;
    };
  };

  /** Lets time pass. Timers fire in order, each at its time. */
  async pass(ms: number): Promise<void> {
    await settled();
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settled();
    }
    this.#now = end;
  }
}
