import { clampDelay } from "../protocol/durations.ts";

/** Between which bounds a client waits before it tries again. */
export interface BackoffBounds {
  /** What the first wait is drawn from: 0 to this, in milliseconds. */
  readonly minReconnectDelayMs: number;
  /** The largest bound of any wait, in milliseconds. */
  readonly maxReconnectDelayMs: number;
}

/**
 * How long to wait before the next attempt, in milliseconds: "full jitter", drawn evenly between 0 and a bound that
 * doubles with each attempt. The first is drawn as well, so that a room's members do not all come back at once.
 *
 * @param attempt attempts that failed in a row before this one, 0 for the first
 * @param floorMs what the server asked for; the draw is added to it, for everyone was told the same
 * @param random as `Math.random`
 */
export function backoffMs(
  bounds: BackoffBounds,
  attempt: number,
  floorMs: number,
  random: () => number,
): number {
  // 2^30 of a millisecond is twelve days: the exponent is bounded so that no bound becomes Infinity.
  const bound = Math.min(bounds.maxReconnectDelayMs, bounds.minReconnectDelayMs * 2 ** Math.min(attempt, 30));
  return clampDelay(Math.round(clampDelay(floorMs) + random() * bound));
}
