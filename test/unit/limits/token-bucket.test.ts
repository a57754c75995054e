import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fullBucket, isFull, take, type BucketRate } from "../../../src/limits/token-bucket.ts";

const RATE: BucketRate = { perSecond: 10, burst: 20 };
const NOW = 1_800_000_000_000;

describe("a bucket", () => {
  it("[L1] a bucket holds its burst and no more", () => {
    const bucket = fullBucket(RATE, NOW);

    expect(Array.from({ length: 20 }, () => take(RATE, bucket, 1, NOW))).toEqual(Array(20).fill(0));
    expect(take(RATE, bucket, 1, NOW)).toBe(100);
  });

  it("[L1] a bucket refills at its rate, up to its burst", () => {
    const bucket = fullBucket(RATE, NOW);
    take(RATE, bucket, 20, NOW);

    expect(take(RATE, bucket, 5, NOW + 500)).toBe(0);
    expect(take(RATE, bucket, 1, NOW + 500)).toBe(100);
    expect(take(RATE, bucket, 20, NOW + 1_000_000)).toBe(0);
    expect(take(RATE, bucket, 1, NOW + 1_000_000)).toBe(100);
  });

  it("[L1] a rejected take spends nothing", () => {
    const bucket = fullBucket(RATE, NOW);
    take(RATE, bucket, 15, NOW);

    expect(take(RATE, bucket, 6, NOW)).toBe(100);
    expect(take(RATE, bucket, 6, NOW)).toBe(100);
    expect(take(RATE, bucket, 5, NOW)).toBe(0);
  });

  it("[L1] a cost above the burst is accepted once the bucket is full", () => {
    const bucket = fullBucket(RATE, NOW);

    expect(take(RATE, bucket, 1_000, NOW)).toBe(0);
    expect(take(RATE, bucket, 1_000, NOW)).toBe(2_000);
    expect(take(RATE, bucket, 1_000, NOW + 2_000)).toBe(0);
  });

  it("[L1] rounding errors do not add up against a client that waits for retryAfterMs", () => {
    const rate = { perSecond: 10, burst: 40 };
    const bucket = fullBucket(rate, NOW);
    take(rate, bucket, 40, NOW);
    take(rate, bucket, 1, NOW + 1);

    const retryAfterMs = take(rate, bucket, 13, NOW + 1);

    expect(take(rate, bucket, 13, NOW + 1 + retryAfterMs)).toBe(0);
  });

  it("[L1] a clock that is set back refills nothing, and does not stop later refills", () => {
    const bucket = fullBucket(RATE, NOW);
    take(RATE, bucket, 20, NOW);

    expect(take(RATE, bucket, 1, NOW - 3_600_000)).toBe(100);
    expect(take(RATE, bucket, 1, NOW - 3_600_000 + 100)).toBe(0);
  });

  it("[L1 G11] a bucket is full again within burst / rate seconds, and can then be removed", () => {
    const bucket = fullBucket(RATE, NOW);
    take(RATE, bucket, 20, NOW);

    expect(isFull(RATE, bucket, NOW + 1_999)).toBe(false);
    expect(isFull(RATE, bucket, NOW + 2_000)).toBe(true);
  });
});

describe("properties", () => {
  const rates = fc.record({
    perSecond: fc.integer({ min: 1, max: 1_000 }),
    burst: fc.integer({ min: 1, max: 10_000 }),
  });
  const byteRates = fc.record({
    perSecond: fc.integer({ min: 1_024, max: 16_777_216 }),
    burst: fc.integer({ min: 1_024, max: 67_108_864 }),
  });
  const steps = (maxCost: number): fc.Arbitrary<{ afterMs: number; cost: number }[]> =>
    fc.array(fc.record({ afterMs: fc.nat(700), cost: fc.integer({ min: 1, max: maxCost }) }), {
      minLength: 1,
      maxLength: 60,
    });

  it.each([
    ["messages", rates, 70],
    ["bytes", byteRates, 600_000],
  ] as const)("[L1 G10] a client that waits retryAfterMs succeeds: %s", (_what, anyRate, maxCost) => {
    fc.assert(
      fc.property(anyRate, steps(maxCost), (rate, takes) => {
        const bucket = fullBucket(rate, NOW);
        let now = NOW;
        for (const { afterMs, cost } of takes) {
          now += afterMs;
          const retryAfterMs = take(rate, bucket, cost, now);
          if (retryAfterMs === 0) continue;
          now += retryAfterMs;
          expect(take(rate, bucket, cost, now)).toBe(0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("[L1 G10] no sequence of takes gets more than burst + rate x time", () => {
    fc.assert(
      fc.property(rates, steps(70), (rate, takes) => {
        const bucket = fullBucket(rate, NOW);
        let [now, had] = [NOW, 0];
        for (const { afterMs, cost } of takes) {
          now += afterMs;
          if (take(rate, bucket, cost, now) === 0) had += Math.min(cost, rate.burst);
          expect(had).toBeLessThanOrEqual(rate.burst + ((now - NOW) / 1_000) * rate.perSecond + 1e-6);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("[L1] retryAfterMs is at most one millisecond longer than necessary", () => {
    fc.assert(
      fc.property(rates, steps(70), (rate, takes) => {
        const bucket = fullBucket(rate, NOW);
        let now = NOW;
        for (const { afterMs, cost } of takes) {
          now += afterMs;
          const retryAfterMs = take(rate, bucket, cost, now);
          const early = take(rate, { ...bucket }, cost, now + Math.max(0, retryAfterMs - 2));
          expect(early > 0 || retryAfterMs <= 2).toBe(true);
        }
      }),
    );
  });
});
