import { describe, expect, it } from "vitest";
import type { SessionLimits } from "../../src/limits/session-budget.ts";
import { Budgets } from "../../src/room/budgets.ts";

const LIMITS: SessionLimits = {
  messagesPerSecond: 10,
  messagesBurst: 20,
  bytesPerSecond: 1_000,
  bytesBurst: 5_000,
  maxRefusals: 10,
};
const NOW = 1_800_000_000_000;

/** Spends all that a session may send at once. */
function exhaust(budgets: Budgets, session: string, now: number): void {
  for (let n = 0; n < LIMITS.messagesBurst; n++)
    expect(budgets.of(session, now).takeMessage(now)).toBeUndefined();
}

describe("the budgets of a room", () => {
  it("[L1 G10] each session has its own", () => {
    const budgets = new Budgets(LIMITS);
    exhaust(budgets, "ana", NOW);

    expect(budgets.of("ana", NOW).takeMessage(NOW)).toMatchObject({ code: "rate_limited" });
    expect(budgets.of("bob", NOW).takeMessage(NOW)).toBeUndefined();
  });

  it("[L1 L2 G10] a crowd of other sessions makes nothing that is owed forgotten", () => {
    const budgets = new Budgets(LIMITS);
    exhaust(budgets, "ana", NOW);
    budgets.of("bob", NOW).countRefusals(LIMITS.maxRefusals - 1, NOW);

    for (let n = 0; n < 10_000; n++) budgets.of(`crowd ${n}`, NOW).takeMessage(NOW);

    expect(budgets.of("ana", NOW).takeMessage(NOW)).toMatchObject({ code: "rate_limited" });
    expect(budgets.of("bob", NOW).countRefusals(1, NOW)).toBe(true);
  });

  it("[L1 G6] what was forgotten was owed nothing", () => {
    const budgets = new Budgets(LIMITS);
    const before = budgets.of("ana", NOW);
    before.takeMessage(NOW);

    for (let n = 0; n < 200; n++) budgets.of(`crowd ${n}`, NOW + 60_000);

    expect(budgets.of("ana", NOW + 60_000)).not.toBe(before);
    exhaust(budgets, "ana", NOW + 60_000);
  });
});
