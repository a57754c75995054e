const systemNow = Date.now.bind(Date);

let aheadMs = 0;

/** The real time in Unix milliseconds, regardless of the rooms' clock. */
export const realNow: () => number = systemNow;

/** Gives every room, through `Date.now`, a clock that {@link putForward} advances. Alarms use the real clock. */
export function installClock(): void {
  Date.now = () => systemNow() + aheadMs;
}

/** Advances the rooms' clock permanently, so that a test need not wait ten minutes for acts to expire. */
export function putForward(ms: number): void {
  aheadMs += ms;
}
