import { fullBucket, take, type Bucket, type BucketRate } from "../limits/token-bucket.ts";

/** Sources remembered by the isolate. */
const MAX_SOURCES = 10_000;

/** Limits how many rooms one user or address may be the first to join in a day, counted per isolate. */
export class NewRooms {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perDay: number) {
    this.#rate = { perSecond: perDay / 86_400, burst: perDay };
  }

  /** Whether a source may still be the first in a room. */
  mayCreate(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source);
    return bucket === undefined || take(this.#rate, { ...bucket }, 1, now) === 0;
  }

  /** Notes that it was. */
  created(source: string, now: number): void {
    if (this.#buckets.size >= MAX_SOURCES) this.#buckets.clear();
    const bucket = this.#buckets.get(source) ?? fullBucket(this.#rate, now);
    this.#buckets.set(source, bucket);
    take(this.#rate, bucket, 1, now);
  }
}
