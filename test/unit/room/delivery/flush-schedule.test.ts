import { describe, expect, it } from "vitest";
import { Pulse } from "../../../../src/room/delivery/flush-schedule.ts";

const NOW = 1_800_000_000_000;

describe("when a flush is due", () => {
  it("[F4 G10] at once in a quiet room", () => {
    const pulse = new Pulse(1_000);

    expect(pulse.dueAt("other", NOW)).toBeLessThanOrEqual(NOW);
    pulse.flushed(1_000, 0, NOW);
    expect(pulse.dueAt("other", NOW + 1_000)).toBeLessThanOrEqual(NOW + 1_000);
  });

  it("[F4 G10] after as long as the sends of the last one take, and never later than 50 ms", () => {
    const pulse = new Pulse(1_000);

    pulse.flushed(100, 0, NOW);
    expect(pulse.dueAt("other", NOW)).toBe(NOW + 3.5);
    pulse.flushed(100_000, 0, NOW);
    expect(pulse.dueAt("other", NOW)).toBe(NOW + 50);
  });

  it("[F4 G10] later while timers come late, as long as they do", () => {
    const pulse = new Pulse(1_000);
    const restAfter = (lateMs: number): number => {
      pulse.came(NOW, NOW + lateMs);
      pulse.flushed(100, 0, NOW);
      return pulse.dueAt("other", NOW) - NOW;
    };

    expect([20, 20, 20, 20, 20].map(restAfter)).toEqual([5.25, 7, 7, 7, 7]);
    expect([0, 0, 0, 0, 0].map(restAfter)).toEqual([expect.closeTo(4.67, 1), 3.5, 3.5, 3.5, 3.5]);
  });

  it("[A4 G8] volatile messages alone as often as the kind says", () => {
    const pulse = new Pulse(20);
    pulse.flushed(10, 0, NOW);

    expect(pulse.dueAt("volatile", NOW)).toBe(NOW + 50);
    expect(pulse.dueAt("other", NOW)).toBeLessThan(NOW + 1);
  });

  it.each([
    [20, 1],
    [100, 2],
    [2_000, 13],
    [100_000, 13],
  ])(
    "[F4 G10] what is to be stored, at %i messages a second, after %i ms at the most",
    (perSecond, restMs) => {
      const pulse = new Pulse(1_000);
      let [now, waited, most] = [NOW, 0, 0];
      for (let n = 0; n < perSecond; n++) {
        now += 1_000 / perSecond;
        waited++;
        const dueAt = pulse.dueAt("stored", now);
        if (dueAt > now) continue;
        pulse.flushed(0, waited, now);
        most = Math.max(most, pulse.dueAt("stored", now) - now);
        waited = 0;
      }

      expect(most).toBeLessThanOrEqual(restMs);
      expect(most).toBeGreaterThan(restMs / 10);
      expect(pulse.dueAt("other", now)).toBeLessThanOrEqual(now);
    },
  );

  it.each(["volatile", "stored", "other"] as const)(
    "[F4 F6] a clock that was set back makes no longer rest for %s, and no second one",
    (waiting) => {
      const pulse = new Pulse(10);
      for (let n = 0; n < 20; n++) pulse.flushed(1_000, 100, NOW);
      const earlier = NOW - 3_600_000;

      const dueAt = pulse.dueAt(waiting, earlier);

      expect(dueAt - earlier).toBe(waiting === "volatile" ? 100 : 50);
      expect(pulse.dueAt(waiting, dueAt)).toBeLessThanOrEqual(dueAt);
    },
  );
});
