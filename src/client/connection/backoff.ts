import { clampDelay } from "../../protocol/durations.ts";

/** Between which bounds a client waits before it tries again. */
export interface BackoffBounds {
  /** What the first wait is drawn from: 0 to this, in milliseconds. */
  readonly minReconnectDelayMs: number;
  /** The largest bound of any wait, in milliseconds. */
  readonly maxReconnectDelayMs: number;
}

/**
 * The bound of a wait is at most this part of the outage so far. So clients reconnect at the latest after 1.5 times the
 * duration of a restart. Doubling alone may wait 15 seconds after a restart of 5 seconds.
 */
const OUTAGE_SHARE = 0.5;

/**
 * How long to wait before the next attempt, in milliseconds: "full jitter", drawn evenly between 0 and a bound that
 * doubles with each attempt. The first is drawn as well, so that a room's members do not all come back at once.
 *
 * @param attempt attempts that failed in a row before this one, 0 for the first
 * @param floorMs what the server asked for; the draw is added to it, for everyone was told the same
 * @param random as `Math.random`
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
  // 2^30 of a millisecond is twelve days: the exponent is bounded so that no bound becomes Infinity.
  const bound = Math.min(max, min * 2 ** Math.min(attempt, 30), Math.max(min, outageMs * OUTAGE_SHARE));
  return clampDelay(Math.round(clampDelay(floorMs) + random() * bound));
}
