/** How fast a bucket fills and how much it holds. Whole numbers. */
export interface BucketRate {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens when full. */
  readonly burst: number;
}

/** A bucket as data: what it held when it was last looked at. */
export interface Bucket {
  /** Thousandths of a token: what a millisecond adds is then a whole number, and no fraction is ever lost. */
  milliTokens: number;
  /** Unix milliseconds. */
  at: number;
}

/** Makes a full bucket. */
export function fullBucket(rate: BucketRate, now: number): Bucket {
  return { milliTokens: 1000 * rate.burst, at: now };
}

/**
 * Spends `cost` tokens, refilling first for the time since `bucket.at`, and tells how many milliseconds to wait
 * before the same cost can be had: 0 when it was spent.
 *
 * The caller owns the clock. One that steps back refills nothing. A refused take spends nothing, so that a client
 * that waits as told succeeds. A cost above `burst` is charged as `burst`: it would never be had otherwise.
 */
export function take(rate: BucketRate, bucket: Bucket, cost: number, now: number): number {
  refill(rate, bucket, now);
  const price = 1000 * Math.min(cost, rate.burst);
  if (bucket.milliTokens >= price) {
    bucket.milliTokens -= price;
    return 0;
  }
  return Math.ceil((price - bucket.milliTokens) / rate.perSecond);
}

/**
 * Spends `cost` tokens that were used before the cost was known. A bucket may then be overdrawn. A {@link take}, even of 0
 * tokens, then has to wait until the debt is paid.
 */
export function owe(rate: BucketRate, bucket: Bucket, cost: number, now: number): void {
  refill(rate, bucket, now);
  bucket.milliTokens -= 1000 * cost;
}

/** Whether a bucket has refilled whole by `now`, so that forgetting it changes nothing. */
export function isFull(rate: BucketRate, bucket: Bucket, now: number): boolean {
  refill(rate, bucket, now);
  return bucket.milliTokens >= 1000 * rate.burst;
}

function refill(rate: BucketRate, bucket: Bucket, now: number): void {
  if (now > bucket.at) {
    bucket.milliTokens = Math.min(1000 * rate.burst, bucket.milliTokens + (now - bucket.at) * rate.perSecond);
  }
  bucket.at = now;
}
