import type { Environment, Signals } from "../../../src/client/runtime/environment.ts";

interface FakeTimer {
  readonly at: number;
  readonly callback: () => void;
}

/** The number that a client's attempts begin above. */
export const FIRST_ATTEMPT = 1_000;

/** Lets promises that are ready run: everything that happens without time passing. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time, chance and the browser's signals, all in the hands of the test. */
export class FakeWorld implements Environment {
  /** What `random` answers; 0.5 of a wait is half its bound. */
  chance = 0.5;
  /** What listeners threw. */
  readonly reported: unknown[] = [];
  /** What the room listens to; `undefined` once it has stopped. */
  signals: Signals | undefined;
  #now = 10_000_000;
  #timers: FakeTimer[] = [];

  /** When the timers that run are due, in milliseconds from now, soonest first. */
  get timers(): number[] {
    return this.#timers.map(({ at }) => at - this.#now).toSorted((one, other) => one - other);
  }

  now = (): number => this.#now;

  random = (): number => this.chance;

  firstAttempt = (): number => FIRST_ATTEMPT;

  report = (error: unknown): void => void this.reported.push(error);

  startTimer(callback: () => void, ms: number): () => void {
    const timer: FakeTimer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  watch(signals: Signals): () => void {
    this.signals = signals;
    return () => {
      this.signals = undefined;
    };
  }

  /** Lets time pass: timers fire in order, each at its own moment. */
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
