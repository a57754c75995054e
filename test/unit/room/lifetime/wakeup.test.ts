import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Wakeup, type Waiter } from "../../../../src/room/lifetime/wakeup.ts";

const NOW = 1_800_000_000_000;

beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

/** A room that is tended in each of its turns, and counts how many times its connections are attached. */
function awakeRoom(attachAfterMs: number) {
  const sessions = { isSettled: true, attached: 0, settle: () => undefined as void };
  sessions.settle = () => {
    sessions.isSettled = true;
    sessions.attached++;
  };
  const turns: number[] = [];
  const tend = (latest?: number): void => wakeup.tend(sessions, Date.now(), latest);
  const onTimer = (plannedAt: number): void => {
    turns.push(plannedAt - NOW);
    tend();
  };
  const wakeup = new Wakeup(onTimer, [], attachAfterMs);
  const send = (): void => {
    sessions.isSettled = false;
    tend();
  };
  return { sessions, turns, tend, send };
}

/** Work that is due at a regular interval, like the ticks of a game, with the times of its runs. */
function every(intervalMs: number) {
  const runs: number[] = [];
  let dueAt = NOW + intervalMs;
  const waiter: Waiter = {
    dueAt: () => dueAt,
    run: (now, dueBy) => {
      if (dueAt > dueBy) return;
      runs.push(now - NOW);
      dueAt = now + intervalMs;
    },
  };
  return { waiter, runs };
}

/** A room whose timer runs these waiters. */
function waitingRoom(waiters: readonly Waiter[]) {
  const onTimer = (plannedAt: number): void => {
    const now = Date.now();
    wakeup.run(now, Math.max(plannedAt, now));
    wakeup.arm(now);
  };
  const wakeup = new Wakeup(onTimer, waiters, 1_000);
  wakeup.arm(Date.now());
  return wakeup;
}

describe("waiters", () => {
  it("[G10] each waiter of the room runs when its own work is due", () => {
    const fast = every(100);
    const slow = every(250);
    waitingRoom([slow.waiter, fast.waiter]);

    vi.advanceTimersByTime(500);

    expect(fast.runs).toEqual([100, 200, 300, 400, 500]);
    expect(slow.runs).toEqual([250, 500]);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("[G10 G11] a clock that is set back by an hour delays no waiter", () => {
    const ticks = every(1_000);
    waitingRoom([ticks.waiter]);
    vi.advanceTimersByTime(900);
    vi.setSystemTime(NOW - 3_600_000);

    vi.advanceTimersByTime(100);
    expect(ticks.runs).toEqual([100 - 3_600_000]);
    vi.advanceTimersByTime(1_000);

    expect(ticks.runs).toHaveLength(2);
  });

  it("[G11] a room in which nothing waits has no timer", () => {
    waitingRoom([{ dueAt: () => undefined, run: () => undefined }]);

    expect(vi.getTimerCount()).toBe(0);
  });

  it("[G10] work that is planned after the timer was set is not late", () => {
    let dueAt: number | undefined;
    const runs: number[] = [];
    const waiter: Waiter = { dueAt: () => dueAt, run: (now) => (runs.push(now - NOW), (dueAt = undefined)) };
    const wakeup = waitingRoom([waiter]);
    wakeup.arm(NOW, NOW + 2_000);

    dueAt = NOW + 20;
    wakeup.arm(NOW, NOW + 2_000);
    vi.advanceTimersByTime(20);

    expect(runs).toEqual([20]);
  });

  it("[F4] work that was due before the timer was set is planned for now, so that its turn is not late", () => {
    const planned: number[] = [];
    const waiter: Waiter = { dueAt: () => (planned.length === 0 ? 0 : undefined), run: () => undefined };
    const wakeup = new Wakeup((plannedAt) => planned.push(plannedAt - NOW), [waiter], 0);

    wakeup.arm(NOW);
    vi.advanceTimersByTime(0);

    expect(planned).toEqual([0]);
  });
});

describe("attaching sent amounts", () => {
  it("[G6 G8] sent amounts are attached once, although more is sent before the delay ends", () => {
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

  it("[G6] sent amounts are attached immediately if the delay is zero", () => {
    const { sessions, send } = awakeRoom(0);

    send();

    expect(sessions.attached).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([5_001, 2_147_483_648, 1e300])(
    "[G10 G11] a wait of %d ms, on a clock that was set back, ends in one turn within five seconds",
    (ms) => {
      const turns: number[] = [];
      const wakeup = new Wakeup((plannedAt) => turns.push(plannedAt), [], 1_000);

      wakeup.arm(NOW, NOW + ms);
      vi.advanceTimersByTime(4_999);
      expect(turns).toEqual([]);
      vi.advanceTimersByTime(1);

      expect(turns).toEqual([NOW + ms]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("[G6 G11] neither other work nor a clock that is set back delays attaching", () => {
    const { sessions, turns, tend, send } = awakeRoom(1_000);
    send();
    tend(NOW + 300);
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
