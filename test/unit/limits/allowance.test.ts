import { describe, expect, it } from "vitest";
import { Allowance } from "../../../src/limits/allowance.ts";
import { UserBudget } from "../../../src/limits/user-budget.ts";

const NOW = 1_800_000_000_000;
const RATE = { perSecond: 60, burst: 120 };

/** Charges one message at each time. Returns how many were rejected, and how many of these in excess. */
function outcome(allowance: Allowance, times: readonly number[]): { refused: number; excess: number } {
  const refused = times.map((at) => allowance.charge(1, at)).filter(({ waitMs }) => waitMs > 0);
  return { refused: refused.length, excess: refused.filter(({ isExcess }) => isExcess).length };
}

/** The messages of a client that keeps to the rate, when the network delays everything until the stall is over. */
function stalled(perSecond: number, seconds: number): number[] {
  return Array<number>(perSecond * seconds).fill(NOW);
}

describe("delayed frames", () => {
  it.each([
    [60, 5],
    [30, 10],
    [15, 20],
  ])(
    "[L2 G10] %i frames a second that a stall of %i s delivers at once are rejected, but not as an excess",
    (rate, seconds) => {
      const { refused, excess } = outcome(new Allowance(RATE, NOW), stalled(rate, seconds));

      expect(refused).toBe(180);
      expect(excess).toBe(0);
    },
  );

  it("[L2 G10] repeated stalls are not an excess for a client that keeps to its rate", () => {
    const allowance = new Allowance(RATE, NOW);
    const times = Array.from({ length: 10 }, (_, n) => Array<number>(60 * 5).fill(NOW + n * 5_000)).flat();

    expect(outcome(allowance, times).excess).toBe(0);
  });

  it("[L2] every frame beyond the stall allowance is an excess", () => {
    const { excess } = outcome(new Allowance(RATE, NOW), stalled(60, 6));

    expect(excess).toBe(60);
  });

  it("[L2 G10] sending steadily above the rate is an excess, however little above it", () => {
    const allowance = new Allowance(RATE, NOW);
    const times = Array.from({ length: 75 * 60 }, (_, n) => NOW + Math.floor((n * 1_000) / 75));

    // 15 messages too many each second for a minute: 900, minus the stall allowance.
    expect(outcome(allowance, times).excess).toBeGreaterThan(500);
  });

  it("[L1] a rejection is the same as without a stall allowance", () => {
    const allowance = new Allowance(RATE, NOW);
    outcome(allowance, stalled(60, 2));

    expect(allowance.charge(1, NOW)).toEqual({ waitMs: 17, isExcess: false });
    expect(allowance.charge(1, NOW + 17)).toEqual({ waitMs: 0, isExcess: false });
  });

  it("[L1 G11] an allowance is full again after ten seconds", () => {
    for (const burst of [60, 120, 600]) {
      const allowance = new Allowance({ perSecond: 60, burst }, NOW);
      outcome(allowance, stalled(60, 60));

      expect(allowance.isWhole(NOW + 9_999)).toBe(burst < 600);
      expect(allowance.isWhole(NOW + 10_000)).toBe(true);
    }
  });
});

describe("the sessions of one user", () => {
  /** Clients that each retry as soon as they may, for ten seconds. Returns the rejections of each. */
  function contend(clients: number): { refused: number; excess: number } {
    const budget = new UserBudget({ perSecond: 180, burst: 360 }, NOW);
    const nextAt = Array<number>(clients).fill(NOW);
    let [refused, excess] = [0, 0];
    for (let now = NOW; now < NOW + 10_000; now++) {
      for (const [client, at] of nextAt.entries()) {
        if (at > now) continue;
        const refusal = budget.takeMessage(now);
        nextAt[client] = now + (refusal === undefined ? 17 : (refusal.retryAfterMs ?? 0));
        if (refusal === undefined) continue;
        refused++;
        if (refusal.isAbuse === true) excess++;
      }
    }
    return { refused, excess };
  }

  it.each([4, 10, 30, 60])(
    "[L8 L2 G10] %i sessions of a user that want to send more than allowed, and wait for retryAfterMs, commit no excess",
    (clients) => {
      const { refused, excess } = contend(clients);

      expect(refused).toBeGreaterThan(0);
      expect(excess).toBe(0);
    },
  );

  it("[L8 L2 G10] a session of a user that does not wait commits an excess", () => {
    const budget = new UserBudget({ perSecond: 180, burst: 360 }, NOW);
    const refusals = Array.from({ length: 2_000 }, () => budget.takeMessage(NOW));

    expect(refusals.filter((refusal) => refusal?.isAbuse === true)).toHaveLength(2_000 - 2 * 360);
    expect(Math.max(...refusals.map((refusal) => refusal?.retryAfterMs ?? 0))).toBeLessThanOrEqual(5_006);
  });
});
