/** The resolution of timers. */
const TICK_MS = 1;

/**
 * Calls a function this many times a second, evenly spread, until it is stopped. Calls that a late timer has missed are
 * made up for immediately, so the rate is kept.
 *
 * @param act receives how many times it was called before
 * @returns a function that stops it
 */
export function paced(perSecond: number, act: (index: number) => void): () => void {
  const startedAt = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    while (done < due) act(done++);
  }, TICK_MS);
  return () => clearInterval(timer);
}
