import { describe, expect, it } from "vitest";
import { FlushSchedule } from "../../../../src/room/delivery/flush-schedule.ts";

const NOW = 1_800_000_000_000;

describe("when a flush is due", () => {
  it("[F4 G10] a flush is due immediately in a quiet room", () => {
    const flushSchedule = new FlushSchedule(1_000);

    expect(flushSchedule.dueAt("other", NOW)).toBeLessThanOrEqual(NOW);
    flushSchedule.flushed(1_000, 0, NOW);
    expect(flushSchedule.dueAt("other", NOW + 1_000)).toBeLessThanOrEqual(NOW + 1_000);
  });

  it("[F4 G10] a flush is delayed by the time that the sends of the last one took, and by at most 50 ms", () => {
    const flushSchedule = new FlushSchedule(1_000);

    flushSchedule.flushed(100, 0, NOW);
    expect(flushSchedule.dueAt("other", NOW)).toBe(NOW + 3.5);
    flushSchedule.flushed(100_000, 0, NOW);
    expect(flushSchedule.dueAt("other", NOW)).toBe(NOW + 50);
  });

  it("[F4 G10] a flush is delayed more while timers fire late", () => {
    const flushSchedule = new FlushSchedule(1_000);
    const restAfter = (lateMs: number): number => {
      flushSchedule.came(NOW, NOW + lateMs);
      flushSchedule.flushed(100, 0, NOW);
      return flushSchedule.dueAt("other", NOW) - NOW;
    };

    expect([20, 20, 20, 20, 20].map(restAfter)).toEqual([5.25, 7, 7, 7, 7]);
    expect([0, 0, 0, 0, 0].map(restAfter)).toEqual([expect.closeTo(4.67, 1), 3.5, 3.5, 3.5, 3.5]);
  });

  it("[A4 G8] volatile messages alone are flushed at most at the configured rate", () => {
    const flushSchedule = new FlushSchedule(20);
    flushSchedule.flushed(10, 0, NOW);

    expect(flushSchedule.dueAt("volatile", NOW)).toBe(NOW + 50);
    expect(flushSchedule.dueAt("other", NOW)).toBeLessThan(NOW + 1);
  });

  it.each([
    [20, 1],
    [100, 2],
    [2_000, 13],
    [100_000, 13],
  ])(
    "[F4 G10] a flush that stores is delayed: %i messages a second are delayed by at most %i ms",
    (perSecond, restMs) => {
      const flushSchedule = new FlushSchedule(1_000);
      let [now, waited, most] = [NOW, 0, 0];
      for (let n = 0; n < perSecond; n++) {
        now += 1_000 / perSecond;
        waited++;
        const dueAt = flushSchedule.dueAt("stored", now);
        if (dueAt > now) continue;
        flushSchedule.flushed(0, waited, now);
        most = Math.max(most, flushSchedule.dueAt("stored", now) - now);
        waited = 0;
      }

      expect(most).toBeLessThanOrEqual(restMs);
      expect(most).toBeGreaterThan(restMs / 10);
      expect(flushSchedule.dueAt("other", now)).toBeLessThanOrEqual(now);
    },
  );

  it.each(["volatile", "stored", "other"] as const)(
    "[F4 F6] a clock that was set back does not lengthen or repeat the delay of a flush: %s",
    (waiting) => {
      const flushSchedule = new FlushSchedule(10);
      for (let n = 0; n < 20; n++) flushSchedule.flushed(1_000, 100, NOW);
      const earlier = NOW - 3_600_000;

      const dueAt = flushSchedule.dueAt(waiting, earlier);

      expect(dueAt - earlier).toBe(waiting === "volatile" ? 100 : 50);
      expect(flushSchedule.dueAt(waiting, dueAt)).toBeLessThanOrEqual(dueAt);
    },
  );
});
