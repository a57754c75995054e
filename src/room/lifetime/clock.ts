/** Smaller steps back, in milliseconds, are ignored, because they hardly lengthen a duration. */
const MIN_STEP_MS = 1_000;

/** Detects when the clock that the room's turns read was set back. */
export class Clock {
  #latest = -Infinity;

  /** Records the time of a turn. Returns whether the clock was set back since the latest earlier turn. */
  wasSetBack(now: number): boolean {
    const isBack = this.#latest - now >= MIN_STEP_MS;
    this.#latest = isBack ? now : Math.max(this.#latest, now);
    return isBack;
  }
}
