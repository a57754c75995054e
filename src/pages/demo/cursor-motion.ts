/** A position on the shared area, from 0 to 1 in both directions, so that it does not depend on the screen. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** One moving cursor: where it is shown, and the last position that was received. */
export interface Motion {
  readonly shown: Spot;
  readonly received: Spot;
  /** When that position was received, on the clock of `performance.now()`. */
  readonly receivedAt: number;
  /** The usual time between two positions, in milliseconds. */
  readonly intervalMs: number;
}

/** Minimum time between two positions, in milliseconds: the page sends at most 30 a second. */
export const MIN_INTERVAL_MS = 34;

/** A pause longer than this does not change the usual time between positions, in milliseconds. */
const PAUSE_MS = 400;

/** A smaller distance than this is not drawn, as a share of the area. */
const NEAR = 0.0005;

/** A new cursor. */
export function appear(at: Spot, now: number): Motion {
  return { shown: at, received: at, receivedAt: now, intervalMs: MIN_INTERVAL_MS };
}

/** Applies a received position, and adapts to the rate at which positions arrive. Limits or the network may lower it. */
export function receive(motion: Motion, at: Spot, now: number): Motion {
  const gap = now - motion.receivedAt;
  const intervalMs =
    gap > PAUSE_MS ? motion.intervalMs : Math.max(MIN_INTERVAL_MS, motion.intervalMs * 0.8 + gap * 0.2);
  return { ...motion, received: at, receivedAt: now, intervalMs };
}

/**
 * Moves the cursor by a part of the remaining distance. The part depends on the usual time between positions, so that
 * the cursor arrives at about the time of the next position.
 */
export function advance(motion: Motion, elapsedMs: number): Motion {
  const part = 1 - Math.exp((-2 * elapsedMs) / motion.intervalMs);
  const x = motion.shown.x + (motion.received.x - motion.shown.x) * part;
  const y = motion.shown.y + (motion.received.y - motion.shown.y) * part;
  return { ...motion, shown: hasArrived(motion) ? motion.received : { x, y } };
}

/** Whether the cursor is shown at the last received position. */
export function hasArrived({ shown, received }: Motion): boolean {
  return Math.abs(shown.x - received.x) < NEAR && Math.abs(shown.y - received.y) < NEAR;
}

/** Rounds a position before it is sent: 1/10,000 is finer than any screen. */
export function roundSpot({ x, y }: Spot): Spot {
  const round = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 10_000) / 10_000;
  return { x: round(x), y: round(y) };
}
