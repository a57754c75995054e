import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Wakeup } from "../../../../src/room/lifetime/wakeup.ts";

const NOW = 1_800_000_000_000;

beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

/** A room of connections that count how often they are attached, and that is tended in each of its turns. */
function awakeRoom(attachAfterMs: number) {
  const sessions = { isSettled: true, attached: 0, settle: () => undefined as void };
  sessions.settle = () => {
    sessions.isSettled = true;
    sessions.attached++;
  };
  const turns: number[] = [];
  const tend = (...waits: number[]): void => wakeup.tend(sessions, waits, Date.now());
  const wakeup = new Wakeup((at) => {
    turns.push(at - NOW);
    tend();
  }, attachAfterMs);
  const send = (): void => {
    sessions.isSettled = false;
    tend();
  };
  return { sessions, turns, tend, send };
}

describe("what was sent is attached", () => {
  it("[G6 G8] once, however often something is sent meanwhile", () => {
    const { sessions, turns, send } = awakeRoom(1_000);

    for (let n = 0; n < 50; n++) {
      send();
      vi.advanceTimersByTime(10);
    }
    expect(sessions).toMatchObject({ isSettled: false, attached: 0 });
    vi.advanceTimersByTime(500);

    expect(sessions).toMatchObject({ isSettled: true, attached: 1 });
    expect(turns).toEqual([1_000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[G6] at once where it may not wait", () => {
    const { sessions, send } = awakeRoom(0);

    send();

    expect(sessions.attached).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([5_001, 2_147_483_648, 1e300])(
    "[G10 G11] a wait of %d ms, on a clock that was set back, ends in one turn within five seconds",
    (ms) => {
      const turns: number[] = [];
      const wakeup = new Wakeup((at) => turns.push(at), 1_000);

      wakeup.wakeAt(NOW + ms, NOW);
      vi.advanceTimersByTime(4_999);
      expect(turns).toEqual([]);
      vi.advanceTimersByTime(1);

      expect(turns).toEqual([NOW + ms]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("[G6 G11] no later for what else waits, nor for a clock that is set back", () => {
    const { sessions, turns, tend, send } = awakeRoom(1_000);
    send();
    tend(NOW + 300, NOW + 5_000);
    vi.advanceTimersByTime(300);
    expect(turns).toEqual([300]);

    vi.setSystemTime(NOW - 3_600_000);
    vi.advanceTimersByTime(1_000);

    expect(sessions.attached).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[G6 M1] a room wakes within seconds for a wait that seems an hour long because the clock was set back", () => {
    const { turns, tend } = awakeRoom(1_000);

    tend(NOW + 3_600_000);
    vi.advanceTimersByTime(5_000);

    expect(turns).toEqual([3_600_000]);
  });
});
