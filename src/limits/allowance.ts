import { fullBucket, isFull, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/**
 * The seconds of frames that a stalled network may deliver at once. Five seconds cover mobile networks (a handover, a lift,
 * a tunnel). After longer stalls most clients have closed the connection.
 */
const STALL_S = 5;

/** The result of one charge. */
export interface Charge {
  /** The milliseconds until the same charge is within the budget; 0 if it was accepted. */
  readonly waitMs: number;
  /** Whether more was charged than a client that keeps to the rate can send over any network. */
  readonly isExcess: boolean;
}

/**
 * A budget that distinguishes network delays from abuse. It rejects everything beyond the burst. A rejection is an excess
 * only when {@link STALL_S} seconds' worth of the rate have been charged on top of what the rate allows. Accepted and
 * rejected charges count alike for that, so a sender gains nothing by mixing them.
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

  /** Charges a cost. A rejected cost is not taken from the budget. */
  charge(cost: number, now: number): Charge {
    const isExcess = take(this.#stallRate, this.#stallBucket, cost, now) > 0;
    const waitMs = take(this.#rate, this.#bucket, cost, now);
    if (waitMs === 0) return ACCEPTED;
    return { waitMs, isExcess };
  }

  /** The milliseconds until a cost is within the budget. Charges nothing. */
  waitMs(cost: number, now: number): number {
    return take(this.#rate, { ...this.#bucket }, cost, now);
  }

  /** Whether the budget is full again, so that it can be forgotten. */
  isWhole(now: number): boolean {
    return isFull(this.#rate, this.#bucket, now) && isFull(this.#stallRate, this.#stallBucket, now);
  }
}

const ACCEPTED: Charge = { waitMs: 0, isExcess: false };
