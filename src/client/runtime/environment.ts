import { clampDelay } from "../../protocol/durations.ts";
import type { Clock } from "./timers.ts";

/** What the world around a room tells it. */
export interface Signals {
  /** The network may be back, or the page is looked at again. */
  readonly onBack: () => void;
  /** The network changed or went: a connection may be dead. */
  readonly onDoubt: () => void;
}

/** The world around a room, so that tests can be it. */
export interface Environment extends Clock {
  /** Listens to the world; the returned function stops that. */
  watch(signals: Signals): () => void;
  /**
   * The number of a client's first connection attempt (rule J11), usually above the numbers of the previous page. That
   * only saves round trips.
   */
  firstAttempt(): number;
  /** Takes what a listener of the application threw. */
  readonly report: (error: unknown) => void;
}

/** The real world: a browser's window, a worker, Node. */
export const realEnvironment: Environment = {
  now: () => performance.now(),
  random: () => Math.random(),
  // oxlint-disable-next-line no-restricted-properties -- an edge, and no harm where the device's clock is wrong
  firstAttempt: () => Math.max(0, Date.now()),
  startTimer(callback, ms) {
    const timer = setTimeout(callback, clampDelay(ms));
    return () => clearTimeout(timer);
  },
  watch({ onBack, onDoubt }) {
    const { document } = globalThis;
    const onLook = (): void => {
      if (document.visibilityState === "visible") onBack();
    };
    const watched = [
      [globalThis, "online", onBack],
      [globalThis, "offline", onDoubt],
      [document, "visibilitychange", onLook],
    ] as const;
    // Node and React Native have neither of them. A worker has no document, and a stub of either lacks this method.
    for (const [target, type, listener] of watched) target?.addEventListener?.(type, listener);
    return () => {
      for (const [target, type, listener] of watched) target?.removeEventListener?.(type, listener);
    };
  },
  report(error) {
    // In browsers, in pages and workers, this only reports the error. In Deno it ends the process before the next
    // listener is called. Bun continues, and ends with exit code 1 later.
    if (isBrowser() && typeof reportError === "function") reportError(error);
    // oxlint-disable-next-line no-console -- the one place where an application's own mistake can be seen
    else console.error(error);
  },
};

/** The user agent of every browser begins like this, and of no other runtime. */
function isBrowser(): boolean {
  return globalThis.navigator?.userAgent?.startsWith("Mozilla/") === true;
}
