import type { WireError } from "../protocol/errors.ts";
import { refusal } from "./session-budget.ts";
import { fullBucket, isFull, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/** The maximum time over which rejected messages are spread, in milliseconds. */
const MAX_SPREAD_MS = 5_000;

/**
 * Sessions that share a budget and wait for `retryAfterMs` get one rejection for each accepted message (simulated with 4 to
 * 200 sessions). Twice as many rejections are tolerated.
 */
const REFUSED_PER_ACCEPTED = 2;

/**
 * The budget of all sessions of one verified user. A session does not know what the other sessions send. So each rejected
 * session gets a different time to retry, and a rejection is an excess only if sessions do not wait for that time.
 */
export class UserBudget {
  readonly #rate: BucketRate;
  readonly #refusedRate: BucketRate;
  readonly #messages: Bucket;
  readonly #refused: Bucket;
  /** Rejected messages that clients may send again. */
  #waiting = 0;

  constructor(rate: BucketRate, now: number) {
    this.#rate = rate;
    // Full again within ten seconds, like every budget, since no burst is larger than ten seconds' worth.
    this.#refusedRate = { perSecond: REFUSED_PER_ACCEPTED * rate.perSecond, burst: rate.burst };
    this.#messages = fullBucket(rate, now);
    this.#refused = fullBucket(this.#refusedRate, now);
  }

  /** Charges one message. Returns an error if the budget is spent. */
  takeMessage(now: number): WireError | undefined {
    if (this.#waiting > 0 && isFull(this.#rate, this.#messages, now)) this.#waiting = 0; // All had enough time to retry.
    const waitMs = take(this.#rate, this.#messages, 1, now);
    if (waitMs === 0) {
      if (this.#waiting > 0) this.#waiting--;
      return undefined;
    }
    const spreadMs = Math.min(MAX_SPREAD_MS, (1_000 * this.#waiting++) / this.#rate.perSecond);
    const isExcess = take(this.#refusedRate, this.#refused, 1, now) > 0;
    const charge = { waitMs: Math.ceil(waitMs + spreadMs), isExcess };
    return refusal(
      "userMessagesPerSecond",
      "the message budget of the user's sessions is spent; retry later",
      charge,
    );
  }

  /** The milliseconds until one more message is within the budget. */
  messageWaitMs(now: number): number {
    return take(this.#rate, { ...this.#messages }, 1, now);
  }

  /** Whether the budget is full again, so that it can be forgotten. */
  isWhole(now: number): boolean {
    return isFull(this.#rate, this.#messages, now) && isFull(this.#refusedRate, this.#refused, now);
  }
}
