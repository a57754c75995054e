/** An object without timers hibernates so long after its last event: documented, and what workerd does too. */
export const SLEEPS_AFTER_MS = 10_000;

/** A room that had no event for so long surely sleeps. */
export const SETTLE_MS = SLEEPS_AFTER_MS + 5_000;

/** How long an object was in memory, and how often it must have come to be there. */
export interface Awake {
  readonly ms: number;
  readonly wakes: number;
}

/**
 * How much of a span of time an object was in memory, going by its events: from each until
 * {@link SLEEPS_AFTER_MS} later. An object that was asleep when the span began.
 *
 * @param events times, ascending, Unix milliseconds
 */
export function awakeTime(events: readonly number[], until: number): Awake {
  let [ms, wakes] = [0, 0];
  let sleepsAt = -Infinity;
  for (const at of events) {
    if (at > sleepsAt) wakes++;
    const from = Math.max(at, sleepsAt);
    sleepsAt = Math.min(at + SLEEPS_AFTER_MS, until);
    ms += Math.max(sleepsAt - from, 0);
  }
  return { ms, wakes };
}
