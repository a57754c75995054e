import { fullBucket, owe, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/** Delays work that can be batched with later work, once it happens too often. */
export class Throttle {
  readonly #rate: BucketRate;
  #bucket: Bucket | undefined;
  #at: number | undefined;

  constructor(rate: BucketRate) {
    this.#rate = rate;
  }

  /** When the delayed work may be done, Unix milliseconds; `undefined` if no work was delayed. */
  get at(): number | undefined {
    return this.#at;
  }

  /** Whether work of this cost may be done now. */
  take(cost: number, now: number): boolean {
    this.#bucket ??= fullBucket(this.#rate, now);
    const waitMs = take(this.#rate, this.#bucket, cost, now);
    this.#at = waitMs > 0 ? now + waitMs : undefined;
    return this.#at === undefined;
  }

  /** Charges work whose cost was known only afterwards. The next {@link take}, even of 0, waits until it is paid. */
  owe(cost: number, now: number): void {
    owe(this.#rate, (this.#bucket ??= fullBucket(this.#rate, now)), cost, now);
  }
}
