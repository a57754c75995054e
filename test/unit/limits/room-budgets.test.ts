import { describe, expect, it } from "vitest";
import { RoomBudgets, type RoomLimits } from "../../../src/limits/room-budgets.ts";

const LIMITS: RoomLimits = {
  messagesPerSecond: 10,
  messagesBurst: 20,
  bytesPerSecond: 1_000,
  bytesBurst: 5_000,
  maxRefusals: 10,
  userMessagesPerSecond: 15,
  userMessagesBurst: 30,
  roomMessagesPerSecond: 50,
  roomMessagesBurst: 100,
  roomBytesPerSecond: 2_000,
  roomBytesBurst: 10_000,
  readCharsPerSecond: 100_000,
  readCharsBurst: 200_000,
  roomReadCharsPerSecond: 300_000,
  roomReadCharsBurst: 600_000,
  joinsPerSecond: 5,
  joinsBurst: 20,
};
const NOW = 1_800_000_000_000;

/** Spends a session's whole message burst. */
function exhaust(budgets: RoomBudgets, session: string, now: number): void {
  for (let n = 0; n < LIMITS.messagesBurst; n++)
    expect(budgets.of(session, now).takeMessage(now)).toBeUndefined();
}

describe("the budgets of a room", () => {
  it("[L1 G10] each session has its own message budget", () => {
    const budgets = new RoomBudgets(LIMITS);
    exhaust(budgets, "ana", NOW);

    expect(budgets.of("ana", NOW).takeMessage(NOW)).toMatchObject({ code: "rate_limited" });
    expect(budgets.of("bob", NOW).takeMessage(NOW)).toBeUndefined();
  });

  it("[L1 L2 G10] a crowd of other sessions does not erase a session's debt or refusals", () => {
    const budgets = new RoomBudgets(LIMITS);
    exhaust(budgets, "ana", NOW);
    budgets.of("bob", NOW).countRefusals(LIMITS.maxRefusals - 1, NOW);

    for (let n = 0; n < 10_000; n++) budgets.of(`crowd ${n}`, NOW).takeMessage(NOW);

    expect(budgets.of("ana", NOW).takeMessage(NOW)).toMatchObject({ code: "rate_limited" });
    expect(budgets.of("bob", NOW).countRefusals(1, NOW)).toBe("ban");
  });

  it("[L8 G10] the sessions of a user share one budget, and a session without a user has no user budget", () => {
    const budgets = new RoomBudgets(LIMITS);
    for (let n = 0; n < LIMITS.userMessagesBurst; n++) expect(budgets.takeUser("ana", NOW)).toBeUndefined();

    expect(budgets.takeUser("ana", NOW)).toMatchObject({
      code: "rate_limited",
      limit: "userMessagesPerSecond",
      retryAfterMs: 67,
    });
    expect(budgets.takeUser("bob", NOW)).toBeUndefined();
    for (let n = 0; n < LIMITS.userMessagesBurst + 1; n++) expect(budgets.takeUser("", NOW)).toBeUndefined();
  });

  it("[L8 G10] all members of a room share the room's budget", () => {
    const budgets = new RoomBudgets(LIMITS);
    for (let n = 0; n < LIMITS.roomMessagesBurst; n++)
      expect(budgets.takeRoom(`user ${n}`, NOW)).toBeUndefined();

    expect(budgets.takeRoom("ana", NOW)).toMatchObject({
      limit: "roomMessagesPerSecond",
      retryAfterMs: 20,
    });
    expect(budgets.takeRoom("ana", NOW + 20)).toBeUndefined();
  });

  it("[L9 G10] joins over the room's rate are given different retry times, spread over the time that all of them need", () => {
    const budgets = new RoomBudgets(LIMITS);
    for (let n = 0; n < LIMITS.joinsBurst; n++) expect(budgets.takeJoin(NOW)).toBeUndefined();

    const waits = Array.from({ length: 100 }, () => budgets.takeJoin(NOW)?.retryAfterMs ?? 0);

    expect(Math.min(...waits)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...waits)).toBeLessThanOrEqual(200 + 1_000 + (100 / LIMITS.joinsPerSecond) * 1_000);
    expect(new Set(waits).size).toBeGreaterThan(50);
    expect(Math.max(...waits.slice(50))).toBeGreaterThan(5_000);
    expect(budgets.takeJoin(NOW)).toMatchObject({ code: "room_busy", limit: "joinsPerSecond" });
    expect(budgets.takeJoin(NOW + 400)).toBeUndefined();
  });

  it("[L9] rejected joins no longer count once their retry time has passed", () => {
    const budgets = new RoomBudgets(LIMITS);
    for (let n = 0; n < 1_000; n++) budgets.takeJoin(NOW);
    const later = NOW + 3_600_000;
    for (let n = 0; n < LIMITS.joinsBurst; n++) budgets.takeJoin(later);

    const waits = Array.from({ length: 5 }, () => budgets.takeJoin(later)?.retryAfterMs ?? 0);

    expect(Math.max(...waits)).toBeLessThanOrEqual(200 + 1_000 + (5 / LIMITS.joinsPerSecond) * 1_000);
  });

  it("[L8] a client that waits for the room's retryAfterMs is then within its user's budget", () => {
    const budgets = new RoomBudgets({ ...LIMITS, userMessagesPerSecond: 1, userMessagesBurst: 1 });
    for (let n = 0; n < LIMITS.roomMessagesBurst; n++) budgets.takeRoom("", NOW);
    budgets.takeUser("ana", NOW);

    expect(budgets.takeRoom("ana", NOW)).toMatchObject({
      limit: "roomMessagesPerSecond",
      retryAfterMs: 1_000,
    });
    expect(budgets.takeRoom("ana", NOW + 1_000)).toBeUndefined();
  });

  it("[L1 G6] only a full budget is removed from memory", () => {
    const budgets = new RoomBudgets(LIMITS);
    const before = budgets.of("ana", NOW);
    before.takeMessage(NOW);

    for (let n = 0; n < 200; n++) budgets.of(`crowd ${n}`, NOW + 60_000);

    expect(budgets.of("ana", NOW + 60_000)).not.toBe(before);
    exhaust(budgets, "ana", NOW + 60_000);
  });

  it("[L10 G10] a read is charged when it ends, and the next one is rejected until the debt is paid", () => {
    const budgets = new RoomBudgets(LIMITS);
    const refusal = (now: number): unknown => budgets.readRefusal("ana", now);

    expect(refusal(NOW)).toBeUndefined();
    budgets.chargeRead("ana", LIMITS.readCharsBurst + 50_000, NOW);

    expect(refusal(NOW)).toMatchObject({ limit: "readCharsPerSecond", retryAfterMs: 500 });
    expect(refusal(NOW + 499)).toMatchObject({ retryAfterMs: 1 });
    expect(refusal(NOW + 500)).toBeUndefined();
    expect(budgets.readRefusal("bob", NOW)).toBeUndefined();
  });

  it("[L10] many other readers do not erase a debt, and readers that cannot be distinguished owe only the room", () => {
    const budgets = new RoomBudgets(LIMITS);
    budgets.chargeRead("ana", LIMITS.readCharsBurst + 1, NOW);

    for (let n = 0; n < 10_000; n++) budgets.chargeRead(`crowd ${n}`, 1, NOW);
    budgets.chargeRead(undefined, LIMITS.readCharsBurst, NOW);

    expect(budgets.readRefusal("ana", NOW)).toMatchObject({ limit: "readCharsPerSecond" });
    expect(budgets.readRefusal(undefined, NOW)).toBeUndefined();
    budgets.chargeRead(undefined, LIMITS.roomReadCharsBurst, NOW);
    expect(budgets.readRefusal(undefined, NOW)).toMatchObject({ limit: "roomReadCharsPerSecond" });
  });

  it("[L8 G10] the room's byte budget refills, and a frame as large as the whole budget is accepted", () => {
    const budgets = new RoomBudgets(LIMITS);

    expect(budgets.takeRoomBytes(LIMITS.roomBytesBurst, NOW)).toBeUndefined();
    expect(budgets.takeRoomBytes(1_000, NOW)).toMatchObject({
      limit: "roomBytesPerSecond",
      retryAfterMs: 500,
    });
    expect(budgets.takeRoomBytes(1_000, NOW + 500)).toBeUndefined();
  });
});
