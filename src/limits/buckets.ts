import { fullBucket, isFull, owe, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/** From this number of buckets on, full ones are dropped. */
const SPARE = 64;

/** Buckets of one rate, one for each name. Full buckets are dropped, because a new bucket is full. */
export class Buckets {
  readonly #rate: BucketRate;
  readonly #byName = new Map<string, Bucket>();
  #dropAt = SPARE;

  constructor(rate: BucketRate) {
    this.#rate = rate;
  }

  /** Spends from a bucket, like {@link take}. */
  take(name: string, cost: number, now: number): number {
    return take(this.#rate, this.#of(name, now), cost, now);
  }

  /** Spends from a bucket and may overdraw it, like {@link owe}. */
  owe(name: string, cost: number, now: number): void {
    owe(this.#rate, this.#of(name, now), cost, now);
  }

  /** The milliseconds until a bucket has this many tokens. */
  waitMs(name: string, cost: number, now: number): number {
    const bucket = this.#byName.get(name);
    return bucket === undefined ? 0 : take(this.#rate, { ...bucket }, cost, now);
  }

  #of(name: string, now: number): Bucket {
    let bucket = this.#byName.get(name);
    if (bucket === undefined) {
      if (this.#byName.size >= this.#dropAt) this.#dropFull(now);
      this.#byName.set(name, (bucket = fullBucket(this.#rate, now)));
    }
    return bucket;
  }

  #dropFull(now: number): void {
    for (const [name, bucket] of this.#byName) if (isFull(this.#rate, bucket, now)) this.#byName.delete(name);
    this.#dropAt = 2 * this.#byName.size + SPARE;
  }
}
