/** The fill rate and the size of a bucket. Whole numbers. */
export interface BucketRate {
  /** Tokens per second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

/** A bucket as data: its tokens at the time of the last call. */
export interface Bucket {
  /** Thousandths of a token, so that a millisecond adds a whole number and no fraction is lost. */
  milliTokens: number;
  /** Unix milliseconds. */
  at: number;
}

/** Creates a full bucket. */
export function fullBucket(rate: BucketRate, now: number): Bucket {
  return { milliTokens: 1000 * rate.burst, at: now };
}

/**
 * Refills the bucket for the time since `bucket.at`, and spends `cost` tokens if it has them. Returns the milliseconds until
 * the same cost is available: 0 if it was spent.
 *
 * The caller owns the clock. A clock that is set back refills nothing. A rejected cost spends nothing, so a client that
 * waits for this time succeeds. A cost above `burst` is charged as `burst`, because it would never be available otherwise.
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
 * Spends `cost` tokens for work whose cost is known only afterwards. The bucket may be overdrawn. Then a {@link take}, even of
 * 0 tokens, has to wait until the debt is paid.
 */
export function owe(rate: BucketRate, bucket: Bucket, cost: number, now: number): void {
  refill(rate, bucket, now);
  bucket.milliTokens -= 1000 * cost;
}

/** Whether a bucket is full at `now`, so that it can be forgotten. */
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
