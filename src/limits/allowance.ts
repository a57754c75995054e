import { fullBucket, isFull, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/**
 * A network that stalls delivers the frames of so many seconds at once, in seconds. Five covers what mobile networks do
 * (a handover, a lift, a tunnel); after longer stalls most clients have given the connection up.
 */
const STALL_S = 5;

/** What one charge comes to. */
export interface Charge {
  /** How long until the same charge is within the budget, in milliseconds; 0 if it was accepted. */
  readonly waitMs: number;
  /** Whether more was charged than a client can send that keeps to the rate, however its network delays it. */
  readonly isExcess: boolean;
}

/**
 * A budget that tells bad luck from abuse. It refuses whatever is beyond the burst, but a refusal is an excess only once
 * {@link STALL_S} seconds' worth of the rate have been charged on top of what the rate allows. Accepted and refused
 * charges count alike for that, so that a sender gains nothing by mixing them.
 */
export class Allowance {
  readonly #rate: BucketRate;
  readonly #stallRate: BucketRate;
  readonly #bucket: Bucket;
  readonly #stallBucket: Bucket;

  constructor(rate: BucketRate, now: number) {
    this.#rate = rate;
    // Full again within ten seconds, like every budget, since no burst is larger than ten seconds' worth.
    this.#stallRate = { ...rate, burst: Math.max(rate.burst, STALL_S * rate.perSecond) };
    this.#bucket = fullBucket(this.#rate, now);
    this.#stallBucket = fullBucket(this.#stallRate, now);
  }

  /** Charges a cost. One that is refused is not taken from the budget. */
  charge(cost: number, now: number): Charge {
    const isExcess = take(this.#stallRate, this.#stallBucket, cost, now) > 0;
    const waitMs = take(this.#rate, this.#bucket, cost, now);
    if (waitMs === 0) return ACCEPTED;
    return { waitMs, isExcess };
  }

  /** How long until a cost is within the budget, in milliseconds. Charges nothing. */
  waitMs(cost: number, now: number): number {
    return take(this.#rate, { ...this.#bucket }, cost, now);
  }

  /** Whether nothing is owed, so that forgetting it changes nothing. */
  isWhole(now: number): boolean {
    return isFull(this.#rate, this.#bucket, now) && isFull(this.#stallRate, this.#stallBucket, now);
  }
}

const ACCEPTED: Charge = { waitMs: 0, isExcess: false };
