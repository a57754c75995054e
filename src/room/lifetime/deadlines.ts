import { clampTime } from "../../protocol/durations.ts";
import type { Vacancy } from "./vacancy.ts";
import type { Liveness } from "../connections/liveness.ts";
import type { Members } from "../presence/members.ts";
import type { Session } from "../connections/sessions.ts";

/** Departures wait for the end of a slot this long, so that many of them wake the room once. */
const SLOT_MS = 15_000;

/**
 * When the room must next be woken. It has one alarm, and each time it is set is a billed row. Deadlines lie on fixed
 * grids of time, not at a distance from now, so whatever happens meanwhile cannot push them away.
 */
export class Deadlines {
  readonly #liveness: Liveness;
  readonly #members: Members;
  readonly #vacancy: Vacancy;
  readonly #setAlarm: (at: number) => void;
  /** When the alarm comes, Unix milliseconds; unknown after a sleep. */
  #armedAt: number | undefined;

  constructor(
    of: { readonly liveness: Liveness; readonly members: Members; readonly vacancy: Vacancy },
    setAlarm: (at: number) => void,
  ) {
    this.#liveness = of.liveness;
    this.#members = of.members;
    this.#vacancy = of.vacancy;
    this.#setAlarm = setAlarm;
  }

  /** Whether it is known when the alarm comes, so that the storage need not be asked. */
  get isKnown(): boolean {
    return this.#armedAt !== undefined;
  }

  /** Takes what the storage said of the alarm, `null` for none, unless it has been set since. */
  assume(alarm: number | null): void {
    this.#armedAt ??= alarm ?? undefined;
  }

  /** The alarm has come, and so is no longer set. */
  came(): void {
    this.#armedAt = undefined;
  }

  /** Sees that the alarm comes in time for a grace that has begun, or a connection that has stopped reading. */
  end(at: number, now: number): void {
    this.#by(slotOf(at), now);
  }

  /** Sees that the alarm comes in time for a connection that has begun, or has a new token. */
  watch(session: Session, now: number): void {
    this.#by(this.#liveness.checkOf(session, now), now);
    const expiry = this.#liveness.expiryOf(session);
    if (expiry !== undefined) this.end(expiry, now);
  }

  /** Sets the alarm for the first of all deadlines. Looks at every member, so for the alarm's handler and a new life. */
  rearm(now: number): void {
    const next = Math.min(
      this.#liveness.nextCheck(now) ?? Infinity,
      slotOf(this.#liveness.nextStall() ?? Infinity),
      slotOf(this.#liveness.nextExpiry() ?? Infinity),
      slotOf(this.#members.nextDeparture() ?? Infinity),
      this.#vacancy.at() ?? Infinity,
    );
    if (next === Infinity) this.#armedAt = undefined;
    else if (next !== this.#armedAt) this.#set(next);
  }

  #by(deadline: number, now: number): void {
    if (this.#armedAt === undefined || this.#armedAt <= now) this.rearm(now);
    else if (deadline < this.#armedAt) this.#set(deadline);
  }

  #set(at: number): void {
    this.#armedAt = at;
    this.#setAlarm(clampTime(at));
  }
}

function slotOf(time: number): number {
  return Math.ceil(time / SLOT_MS) * SLOT_MS;
}
