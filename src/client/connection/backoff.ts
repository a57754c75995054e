import { clampDelay } from "../../protocol/durations.ts";

/** The limits of the delay before a retry. */
export interface BackoffBounds {
  /** The maximum of the first random delay, in milliseconds. */
  readonly minReconnectDelayMs: number;
  /** The upper limit of any random delay, in milliseconds. */
  readonly maxReconnectDelayMs: number;
}

/**
 * The maximum delay is at most this share of the outage so far. So clients reconnect at the latest after 1.5 times the
 * duration of a restart. Doubling alone may wait 15 seconds after a restart of 5 seconds.
 */
const OUTAGE_SHARE = 0.5;

/**
 * The delay before the next attempt, in milliseconds, with full jitter: evenly distributed between 0 and a maximum that
 * doubles with each attempt. The first delay is random too, so that a room's members do not all reconnect at once.
 *
 * @param attempt attempts that failed in a row before this one, 0 for the first
 * @param floorMs the delay that the server requests. The random delay is added, because all clients receive the same request
 * @param random the same as `Math.random`
 * @param outageMs how long ago a stable connection was lost; `Infinity` if there was none
 */
export function backoffMs(
  bounds: BackoffBounds,
  attempt: number,
  floorMs: number,
  random: () => number,
  outageMs = Infinity,
): number {
  const { minReconnectDelayMs: min, maxReconnectDelayMs: max } = bounds;
  // 2^30 milliseconds are twelve days. The exponent is limited so that the maximum never becomes Infinity.
  const bound = Math.min(max, min * 2 ** Math.min(attempt, 30), Math.max(min, outageMs * OUTAGE_SHARE));
  return clampDelay(Math.round(clampDelay(floorMs) + random() * bound));
}
