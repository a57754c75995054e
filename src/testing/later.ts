/**
 * Runs a step after the current task, as a network does. It uses promises only, because the fake clocks of test runners hold
 * timers back, and Jest's also hold `queueMicrotask` back. Steps run in the order in which they were requested.
 */
export function later(step: () => void): void {
  void Promise.resolve().then(step);
}
