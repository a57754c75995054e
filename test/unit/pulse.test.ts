import { describe, expect, it } from "vitest";
import { Pulse } from "../../src/room/pulse.ts";

const NOW = 1_800_000_000_000;

describe("when a flush is due", () => {
  it("[F4 G10] at once in a quiet room", () => {
    const pulse = new Pulse(1_000);

    expect(pulse.dueAt(false, NOW)).toBeLessThanOrEqual(NOW);
    pulse.flushed(1_000, NOW);
    expect(pulse.dueAt(false, NOW + 1_000)).toBeLessThanOrEqual(NOW + 1_000);
  });

  it("[F4 G10] after as long as the sends of the last one take, and never later than 50 ms", () => {
    const pulse = new Pulse(1_000);

    pulse.flushed(100, NOW);
    expect(pulse.dueAt(false, NOW)).toBe(NOW + 4);
    pulse.flushed(100_000, NOW);
    expect(pulse.dueAt(false, NOW)).toBe(NOW + 50);
  });

  it("[F4 G10] later while timers come late, as long as they do", () => {
    const pulse = new Pulse(1_000);
    const restAfter = (lateMs: number): number => {
      pulse.came(NOW, NOW + lateMs);
      pulse.flushed(100, NOW);
      return pulse.dueAt(false, NOW) - NOW;
    };

    expect([20, 20, 20, 20, 20].map(restAfter)).toEqual([6, 8, 8, 8, 8]);
    expect([0, 0, 0, 0, 0].map(restAfter)).toEqual([expect.closeTo(5.33, 1), 4, 4, 4, 4]);
  });

  it("[A4 G8] volatile messages alone as often as the kind says", () => {
    const pulse = new Pulse(20);
    pulse.flushed(10, NOW);

    expect(pulse.dueAt(true, NOW)).toBe(NOW + 50);
    expect(pulse.dueAt(false, NOW)).toBeLessThan(NOW + 1);
  });

  it("[F4] a clock that was set back makes no longer rest", () => {
    const pulse = new Pulse(10);
    pulse.flushed(1_000, NOW);

    expect(pulse.dueAt(false, NOW - 3_600_000)).toBe(NOW - 3_600_000 + 50);
    expect(pulse.dueAt(true, NOW - 3_600_000)).toBe(NOW - 3_600_000 + 100);
  });
});
