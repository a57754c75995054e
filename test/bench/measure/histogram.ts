/** Each bucket is wider than the one before by this factor, which bounds the error of the histogram. */
const GROWTH = 1.01;

const LOG_GROWTH = Math.log(GROWTH);

/** A minute in microseconds. Longer times count as a minute. */
const MAX_US = 60_000_000;

const BUCKETS = Math.ceil(Math.log(MAX_US) / LOG_GROWTH) + 1;

/** Counts durations with an error of 1 %. Millions of them need neither memory nor sorting. */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  /** Adds a duration in microseconds. */
  add(us: number): void {
    const bucket = us <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(us) / LOG_GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  /** How many durations were added. */
  get total(): number {
    return this.#total;
  }

  /** The duration that this share of all durations did not exceed, in milliseconds; `undefined` if there are none. */
  percentile(share: number): number | undefined {
    const rank = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return GROWTH ** bucket / 1_000;
    }
    return undefined;
  }
}
