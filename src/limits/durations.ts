/*
 * Durations on a clock that may be set back. A stored time can then be ahead of the clock, and a duration measured from it
 * would last longer by the same amount. The rule: a start that is ahead of the clock counts as now, and a duration never
 * ends later than its full length from now.
 */

/** The start of a duration, Unix milliseconds. */
export function beganAt(at: number, now: number): number {
  return Math.min(at, now);
}

/** The end of a duration with a maximum length, Unix milliseconds. */
export function endsAt(until: number, durationMs: number, now: number): number {
  return Math.min(until, now + durationMs);
}

/** Whether a time is less than a duration ago. Returns false for a time ahead of the clock, because its age is unknown. */
export function isWithin(durationMs: number, at: number, now: number): boolean {
  return at <= now && now - at < durationMs;
}
