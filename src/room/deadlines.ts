import type { Liveness } from "./liveness.ts";
import type { Members } from "./members.ts";

/** Departures wait for the end of a slot this long, so that many of them wake the room once. */
const SLOT_MS = 15_000;

/**
 * When the room must next be woken. It has one alarm, and each time it is set is a billed row: it is set for the first
 * deadline, and only when that has changed.
 */
export class Deadlines {
  readonly #liveness: Liveness;
  readonly #members: Members;
  readonly #setAlarm: (at: number) => void;
  /** What the alarm was set to in this life of the object; unknown after a sleep. */
  #armedAt: number | undefined;

  constructor(liveness: Liveness, members: Members, setAlarm: (at: number) => void) {
    this.#liveness = liveness;
    this.#members = members;
    this.#setAlarm = setAlarm;
  }

  /** Sees that the alarm comes at the first deadline. Called whenever there may be an earlier one. */
  arm(now: number): void {
    const departure = this.#members.nextDeparture();
    const next = Math.min(
      this.#liveness.nextCheck(now) ?? Infinity,
      departure === undefined ? Infinity : Math.ceil(departure / SLOT_MS) * SLOT_MS,
    );
    if (next === Infinity || next === this.#armedAt) return;
    this.#armedAt = next;
    this.#setAlarm(next);
  }

  /** Arms the alarm anew, from within its handler. */
  rearm(now: number): void {
    this.#armedAt = undefined;
    this.arm(now);
  }
}
