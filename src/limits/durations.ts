/*
 * Durations on a clock that may be set back. A remembered time can then be ahead of the clock, and a duration measured from
 * it would last longer by the same amount. The rule: a start that is ahead of the clock counts as now, and nothing ends
 * later than its whole duration from now.
 */

/** When something began, Unix milliseconds. */
export function beganAt(at: number, now: number): number {
  return Math.min(at, now);
}

/** When something ends that lasts at most this long, Unix milliseconds. */
export function endsAt(until: number, durationMs: number, now: number): number {
  return Math.min(until, now + durationMs);
}

/** Whether something happened less than this long ago. For a time ahead of the clock that is unknown; the result is false. */
export function isWithin(durationMs: number, at: number, now: number): boolean {
  return at <= now && now - at < durationMs;
}
