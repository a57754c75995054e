/*
 * Durations by a clock that may be set back. A remembered time can then lie ahead of the clock, and what is measured from
 * it would last longer, by as much as the clock was set back. The rule: what began ahead of the clock began now, and
 * nothing ends later than its whole duration from now.
 */

/** When something began, Unix milliseconds. */
export function beganAt(at: number, now: number): number {
  return Math.min(at, now);
}

/** When something ends that lasts so long at the most, Unix milliseconds. */
export function endsAt(until: number, durationMs: number, now: number): number {
  return Math.min(until, now + durationMs);
}

/** Whether something was less than so long ago. Of what lies ahead of the clock that cannot be known: it was not. */
export function isWithin(durationMs: number, at: number, now: number): boolean {
  return at <= now && now - at < durationMs;
}
