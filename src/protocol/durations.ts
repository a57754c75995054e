/**
 * The longest delay that a timer accepts, in milliseconds: 2^31 - 1, about 24.8 days. Every runtime's `setTimeout` fires at
 * once if the delay is longer, `Infinity` or not a number.
 */
const MAX_DELAY_MS = 2_147_483_647;

/**
 * The latest time that is stored, compared or given to an alarm, in Unix milliseconds: the year 2255. The runtime counts
 * nanoseconds in 64 bits, which overflow in 2262.
 */
const MAX_TIME_MS = 9_000_000_000_000;

/** A delay that a timer accepts. Longer delays become the longest one; negative values and NaN become 0. */
export function clampDelay(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms), MAX_DELAY_MS) : 0;
}

/** A time that can be stored and given to an alarm: whole milliseconds up to {@link MAX_TIME_MS}. */
export function clampTime(at: number): number {
  return Math.min(Math.floor(at), MAX_TIME_MS);
}
