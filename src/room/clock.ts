import type { Parts } from "./parts.ts";

/** Smaller steps back, in milliseconds, are let be: what they add to a duration nobody notices. */
const MIN_STEP_MS = 1_000;

/** The clock as the room's turns read it. */
export class Clock {
  #latest = -Infinity;

  /** Takes the time of a turn; returns whether the clock was set back since the latest of those before. */
  wasSetBack(now: number): boolean {
    const isBack = this.#latest - now >= MIN_STEP_MS;
    this.#latest = isBack ? now : Math.max(this.#latest, now);
    return isBack;
  }
}

/**
 * Brings what the room remembers in line with a clock that was set back (limits/durations.ts): silences, stalls, graces,
 * penalties and the time since when the room is empty begin anew where they lie ahead of it. The alarm was set by the old
 * time, and is set again.
 *
 * Once in each life of the object too: nobody was there to see the clock set back while the room slept.
 */
export function tendClock(room: Parts, isFirstTurn: boolean, now: number): void {
  const { clock, liveness, members, penalties, expiry, deadlines } = room;
  const wasSetBack = clock.wasSetBack(now);
  if (!wasSetBack && !isFirstTurn) return;
  if (wasSetBack) liveness.hearPings(now);
  penalties.restart(now);
  const restarted = [liveness, members, expiry].map((each) => each.restart(now));
  if (wasSetBack || restarted.includes(true)) deadlines.rearm(now);
}
