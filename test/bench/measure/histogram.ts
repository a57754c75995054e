/** Each bucket is so much wider than the one before: what is read from the histogram is at most this much off. */
const GROWTH = 1.01;

const LOG_GROWTH = Math.log(GROWTH);

/** A minute in microseconds; what took longer counts as that. */
const MAX_US = 60_000_000;

const BUCKETS = Math.ceil(Math.log(MAX_US) / LOG_GROWTH) + 1;

/** Counts times by how long they were, with an error of 1 %: millions of them need neither memory nor sorting. */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  /** Adds a time in microseconds. */
  add(us: number): void {
    const bucket = us <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(us) / LOG_GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  /** How many were added. */
  get total(): number {
    return this.#total;
  }

  /** The time that so large a share of all did not exceed, in milliseconds; `undefined` without any. */
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
