/** The finest that timers are. */
const TICK_MS = 1;

/**
 * Does something so many times a second, evenly spread, until it is stopped. What a late timer has missed is made up for
 * at once: the rate is kept.
 *
 * @param act is told how many times it was called before
 * @returns stops it
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
