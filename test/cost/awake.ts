/** How long after its last event an object without timers hibernates, by the documentation and in workerd. */
export const SLEEPS_AFTER_MS = 10_000;

/** A room without events for this long is certainly hibernating. */
export const SETTLE_MS = SLEEPS_AFTER_MS + 5_000;

/** How long an object was in memory, and how many times it must have been loaded. */
export interface Awake {
  readonly ms: number;
  readonly wakes: number;
}

/**
 * Returns how long an object was in memory, derived from its events: from each event until
 * {@link SLEEPS_AFTER_MS} later. The object must be hibernating when the measured time begins.
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
