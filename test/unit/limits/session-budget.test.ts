import { describe, expect, it } from "vitest";
import { SessionBudget, type SessionLimits } from "../../../src/limits/session-budget.ts";

const LIMITS: SessionLimits = {
  messagesPerSecond: 10,
  messagesBurst: 20,
  bytesPerSecond: 1_000,
  bytesBurst: 5_000,
  maxRefusals: 10,
};
const NOW = 1_800_000_000_000;

describe("messages and bytes", () => {
  it("[L1 E1] a rejection names the budget that was exceeded", () => {
    const budget = new SessionBudget(LIMITS, NOW);
    for (let n = 0; n < 20; n++) expect(budget.takeMessage(NOW)).toBeUndefined();
    expect(budget.takeBytes(5_000, NOW)).toBeUndefined();

    expect(budget.takeMessage(NOW)).toMatchObject({
      code: "rate_limited",
      limit: "messagesPerSecond",
      retryAfterMs: 100,
    });
    expect(budget.takeBytes(1, NOW)).toMatchObject({
      code: "rate_limited",
      limit: "bytesPerSecond",
      retryAfterMs: 1,
    });
  });

  it("[L1] the message budget and the byte budget do not affect each other", () => {
    const budget = new SessionBudget(LIMITS, NOW);
    budget.takeBytes(5_000, NOW);

    expect(budget.takeMessage(NOW)).toBeUndefined();
  });

  it("[L1 G11] a budget is full again within ten seconds, whatever was spent", () => {
    const limits = { ...LIMITS, messagesBurst: 100, bytesBurst: 10_000 };
    const budget = new SessionBudget(limits, NOW);
    for (let n = 0; n < 100; n++) budget.takeMessage(NOW);
    budget.takeBytes(10_000, NOW);
    budget.countRefusals(9, NOW);

    expect(budget.isWhole(NOW + 9_999)).toBe(false);
    expect(budget.isWhole(NOW + 10_000)).toBe(true);
  });

  it("[L1] a new budget is full", () => {
    expect(new SessionBudget(LIMITS, NOW).isWhole(NOW)).toBe(true);
  });
});

describe("refusals", () => {
  it("[L2] refusals with a time in the future do not count, because the clock was set back", () => {
    const budget = new SessionBudget(LIMITS, NOW);
    budget.countRefusals(9, NOW);

    expect(budget.countRefusals(1, NOW - 3_600_000)).toBeUndefined();
  });

  it("[L2] refusals from half of maxRefusals on each mute, and the last one bans", () => {
    const budget = new SessionBudget(LIMITS, NOW);
    const nothing = Array<undefined>(4).fill(undefined);

    expect(Array.from({ length: 10 }, () => budget.countRefusals(1, NOW))).toEqual([
      ...nothing,
      ...Array<string>(5).fill("mute"),
      "ban",
    ]);
  });

  it("[L2] several refusals at once are all counted", () => {
    const budget = new SessionBudget(LIMITS, NOW);

    expect(budget.countRefusals(9, NOW)).toBe("mute");
    expect(budget.countRefusals(64, NOW)).toBe("ban");
  });

  it("[L2] refusals count for ten seconds and then expire", () => {
    const [early, late] = [new SessionBudget(LIMITS, NOW), new SessionBudget(LIMITS, NOW)];
    early.countRefusals(9, NOW);
    late.countRefusals(9, NOW);

    expect(early.countRefusals(1, NOW + 9_999)).toBe("ban");
    expect(late.countRefusals(1, NOW + 10_000)).toBeUndefined();
  });
});
