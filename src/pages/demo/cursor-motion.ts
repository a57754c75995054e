/** A place on the shared area, from 0 to 1 in both directions, so that a phone and a desktop agree on it. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** One moving cursor: where it is shown, and where it was last heard to be. */
export interface Motion {
  readonly shown: Spot;
  readonly heard: Spot;
  /** When it was last heard of, on the clock of `performance.now()`. */
  readonly heardAt: number;
  /** The usual time between two reports, in milliseconds. */
  readonly pace: number;
}

/** The closest that reports may come, in milliseconds: the page sends at most 30 a second. */
export const LEAST_PACE_MS = 34;

/** A pause longer than this says nothing about the pace, in milliseconds. */
const PAUSE_MS = 400;

/** Less than a thousandth of the area is not worth another picture. */
const NEAR = 0.0005;

/** A cursor that was not there before. */
export function appear(at: Spot, now: number): Motion {
  return { shown: at, heard: at, heardAt: now, pace: LEAST_PACE_MS };
}

/** Takes a report. The pace follows what comes in, as it may be slowed by limits or by the network. */
export function hear(motion: Motion, at: Spot, now: number): Motion {
  const gap = now - motion.heardAt;
  const pace = gap > PAUSE_MS ? motion.pace : Math.max(LEAST_PACE_MS, motion.pace * 0.8 + gap * 0.2);
  return { ...motion, heard: at, heardAt: now, pace };
}

/**
 * Moves on by `elapsedMs`: a part of the way that is left, the larger the more often reports come, so that the
 * cursor arrives about when the next one does.
 */
export function advance(motion: Motion, elapsedMs: number): Motion {
  const part = 1 - Math.exp((-2 * elapsedMs) / motion.pace);
  const x = motion.shown.x + (motion.heard.x - motion.shown.x) * part;
  const y = motion.shown.y + (motion.heard.y - motion.shown.y) * part;
  return { ...motion, shown: hasArrived(motion) ? motion.heard : { x, y } };
}

/** Whether there is no way left to speak of. */
export function hasArrived({ shown, heard }: Motion): boolean {
  return Math.abs(shown.x - heard.x) < NEAR && Math.abs(shown.y - heard.y) < NEAR;
}

/** Rounds a place for sending: a tenth of a thousandth is finer than any screen. */
export function roundSpot({ x, y }: Spot): Spot {
  const round = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 10_000) / 10_000;
  return { x: round(x), y: round(y) };
}
