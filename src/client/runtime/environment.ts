import { clampDelay } from "../../protocol/durations.ts";
import type { Clock } from "./timers.ts";

/** The signals of the platform about the network and the page. */
export interface Signals {
  /** The network may be available again, or the page became visible. */
  readonly onBack: () => void;
  /** The network changed or is gone, so the connection may be dead. */
  readonly onDoubt: () => void;
}

/** The platform as the client uses it. Tests pass a substitute. */
export interface Environment extends Clock {
  /** Listens to the platform's signals. The returned function stops that. */
  watch(signals: Signals): () => void;
  /**
   * The number of a client's first connection attempt (rule J11), usually above the numbers of the previous page. That
   * only saves round trips.
   */
  firstAttempt(): number;
  /** Reports an error of the application's listener. */
  readonly report: (error: unknown) => void;
}

/** The real platform: a browser's window, a worker, Node. */
export const realEnvironment: Environment = {
  now: () => performance.now(),
  random: () => Math.random(),
  // oxlint-disable-next-line no-restricted-properties -- the only use; a wrong clock of the device does no harm
  firstAttempt: () => Math.max(0, Date.now()),
  startTimer(callback, ms) {
    const timer = setTimeout(callback, clampDelay(ms));
    return () => clearTimeout(timer);
  },
  watch({ onBack, onDoubt }) {
    const { document } = globalThis;
    const onVisible = (): void => {
      if (document.visibilityState === "visible") onBack();
    };
    const watched = [
      [globalThis, "online", onBack],
      [globalThis, "offline", onDoubt],
      [document, "visibilitychange", onVisible],
    ] as const;
    // Node and React Native have no such events. A worker has no document. A stub of either lacks these methods.
    for (const [target, type, listener] of watched) target?.addEventListener?.(type, listener);
    return () => {
      for (const [target, type, listener] of watched) target?.removeEventListener?.(type, listener);
    };
  },
  report(error) {
    // In browsers, in pages and workers, this only reports the error. In Deno it ends the process before the next
    // listener is called. Bun continues, and ends with exit code 1 later.
    if (isBrowser() && typeof reportError === "function") reportError(error);
    // oxlint-disable-next-line no-console -- the application must see its own errors
    else console.error(error);
  },
};

/** The user agent of every browser begins like this, and of no other runtime. */
function isBrowser(): boolean {
  return globalThis.navigator?.userAgent?.startsWith("Mozilla/") === true;
}
