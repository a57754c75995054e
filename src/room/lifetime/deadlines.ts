import { clampTime } from "../../protocol/durations.ts";
import type { Vacancy } from "./vacancy.ts";
import type { Liveness } from "../connections/liveness.ts";
import type { Members } from "../presence/members.ts";
import type { Session } from "../connections/sessions.ts";

/** The ends of graces, stalls and tokens wait for the end of a slot this long, in milliseconds, so many wake the room once. */
const SLOT_MS = 15_000;

/** The collaborators that have deadlines. */
interface Collaborators {
  readonly liveness: Liveness;
  readonly members: Members;
  readonly vacancy: Vacancy;
}

/**
 * Sets the room's one alarm for its next deadline. Each time the alarm is set is a billed row. Deadlines lie on fixed grids of
 * time, and not at a distance from now, so later events cannot postpone them.
 */
export class Deadlines {
  readonly #room: Collaborators;
  readonly #setAlarm: (at: number) => void;
  /** When the alarm fires, Unix milliseconds; `undefined` if it is not set, or not known. */
  #armedAt: number | undefined;
  #isKnown = false;

  constructor(room: Collaborators, setAlarm: (at: number) => void) {
    this.#setAlarm = setAlarm;
    this.#room = room;
  }

  /**
   * Whether the time of the alarm is known, so that the room need not read it from the storage. After a load of the object it is
   * not. The room reads it before its first turn, because a turn that sets the alarm must not postpone it.
   */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Takes the time of the alarm from the storage, `null` if there is none, unless the alarm has been set since. */
  assume(alarm: number | null): void {
    this.#isKnown = true;
    this.#armedAt ??= alarm ?? undefined;
  }

  /** The alarm has fired, so it is no longer set. */
  came(): void {
    this.#isKnown = true;
    this.#armedAt = undefined;
  }

  /** Ensures that the alarm fires in time for a grace that has begun, or a connection that has stopped reading. */
  end(at: number, now: number): void {
    this.#by(slotOf(at), now);
  }

  /** Ensures that the alarm fires in time for a connection that is new, or has a new token. */
  watch(session: Session, now: number): void {
    this.#by(this.#room.liveness.checkOf(session, now), now);
    const expiry = this.#room.liveness.expiryOf(session);
    if (expiry !== undefined) this.end(expiry, now);
  }

  /** Sets the alarm for the first of all deadlines. Checks every member, so it is for the alarm's handler and a loaded object. */
  rearm(now: number): void {
    const next = Math.min(
      this.#room.liveness.nextCheck(now) ?? Infinity,
      slotOf(this.#room.liveness.nextStall() ?? Infinity),
      slotOf(this.#room.liveness.nextExpiry() ?? Infinity),
      slotOf(this.#room.members.nextDeparture() ?? Infinity),
      this.#room.vacancy.at() ?? Infinity,
    );
    if (next === Infinity) this.#armedAt = undefined;
    else if (next !== this.#armedAt) this.#set(next);
  }

  #by(deadline: number, now: number): void {
    if (this.#armedAt === undefined || this.#armedAt <= now) this.rearm(now);
    else if (deadline < this.#armedAt) this.#set(deadline);
  }

  #set(at: number): void {
    this.#isKnown = true;
    this.#armedAt = at;
    this.#setAlarm(clampTime(at));
  }
}

function slotOf(time: number): number {
  return Math.ceil(time / SLOT_MS) * SLOT_MS;
}
