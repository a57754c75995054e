import { expect, it } from "vitest";
import { Pacer } from "../../../src/client/sending/pacer.ts";

const LIMITS = { messagesPerSecond: 10, messagesBurst: 20, bytesPerSecond: 1_000, bytesBurst: 5_000 };

function pacer(limits = LIMITS): Pacer {
  const made = new Pacer();
  made.setLimits(limits, 0);
  return made;
}

it("[L1] the pacer allows four fifths of a burst at once, and then what refills", () => {
  const made = pacer();

  expect(made.waitMs(16, 0, 0)).toBe(0);
  expect(made.waitMs(17, 0, 0)).toBe(100);
  made.spend(16, 0);

  expect(made.waitMs(1, 0, 0)).toBe(100);
  expect(made.waitMs(1, 0, 60)).toBe(40);
  expect(made.waitMs(1, 0, 100)).toBe(0);
});

it("[L1] the pacer allows at most 50 messages at once, however large the burst", () => {
  const made = pacer({ ...LIMITS, messagesBurst: 10_000 });

  expect(made.waitMs(50, 0, 0)).toBe(0);
  expect(made.waitMs(51, 0, 0)).toBe(100);
});

it("[L1] the pacer counts bytes as well, and a frame above the burst as the burst", () => {
  const made = pacer();
  expect(made.waitMs(1, 9_000, 0)).toBe(0);
  made.spend(1, 9_000);

  expect(made.waitMs(1, 500, 0)).toBe(500);
  expect(made.waitMs(1, 500, 500)).toBe(0);
});

it("[L1] a hold is a pause, after which no burst is left", () => {
  const made = pacer();

  made.hold(300, 1_000);

  expect(made.isHeld(1_299)).toBe(true);
  expect(made.isHeld(1_300)).toBe(false);
  expect(made.waitMs(1, 0, 1_000)).toBe(400);
  expect(made.waitMs(0, 200, 1_000)).toBe(500);
  expect(made.waitMs(1, 100, 1_400)).toBe(0);
});

it("[L1] of two holds the longer one counts", () => {
  const made = pacer();

  made.hold(300, 0);
  made.hold(100, 0);

  expect(made.isHeld(299)).toBe(true);
});

it("[W5] an absent limit does not bind", () => {
  const made = new Pacer();
  made.setLimits({}, 0);
  for (let frame = 0; frame < 1_000; frame++) made.spend(50, 1_000_000);

  expect(made.waitMs(50, 1_000_000, 1)).toBe(0);
});

it("[L1] new limits do not refill what was spent", () => {
  const made = pacer();
  made.spend(16, 4_000);

  made.setLimits({ ...LIMITS, messagesBurst: 100 }, 0);

  expect(made.waitMs(1, 0, 0)).toBe(100);
});
