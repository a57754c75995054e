import type { Assembly } from "./assemble.ts";

/**
 * Adjusts the remembered times after the clock was set back (limits/durations.ts). Silences, stalls, graces, penalties
 * and the time since the room became empty restart if they are ahead of the clock. The alarm was set with the old time,
 * so it is set again.
 *
 * This also runs once after each load of the object, because the clock may have been set back while the room slept.
 */
export function adjustToClock(room: Assembly, isFirstTurn: boolean, now: number): void {
  const { clock, liveness, members, penalties, vacancy, deadlines } = room;
  const wasSetBack = clock.wasSetBack(now);
  if (!wasSetBack && !isFirstTurn) return;
  if (wasSetBack) liveness.hearPings(now);
  penalties.restart(now);
  const restarted = [liveness, members, vacancy].map((each) => each.restart(now));
  if (wasSetBack || restarted.includes(true)) deadlines.rearm(now);
}
