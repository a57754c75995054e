import { clampDelay } from "../../protocol/durations.ts";
import type { Clock } from "./timers.ts";

/** The functions that report what happens to the network and the page or app. */
export interface Signals {
  /** The network may be available again, or the page or app is in the foreground again: connect, or check the connection. */
  readonly wake: () => void;
  /** The network changed or is gone: check whether the connection is alive. */
  readonly check: () => void;
}

/** Reports events of the network and of the page or app. The returned function stops that. */
export type Lifecycle = (signals: Signals) => () => void;

/** The platform as the client uses it. Tests pass a substitute. */
export interface Environment extends Clock {
  /** Listens to the events of the platform. */
  readonly watch: Lifecycle;
  /**
   * The time of day in Unix milliseconds, 0 or greater. It may be wrong. A client's first connection attempt has it as its
   * number (rule J11), which is then usually above the numbers of the previous page. That only saves round trips.
   */
  unixNow(): number;
  /** Reports an error of the application's listener. */
  readonly report: (error: unknown) => void;
  /** The transport that worked last, by server and order of transports; for as long as the page lives. */
  readonly worked: Map<string, string>;
}

/** The real platform: a browser's window, a worker, Node. */
export const realEnvironment: Environment = {
  now: () => performance.now(),
  random: () => Math.random(),
  // oxlint-disable-next-line no-restricted-properties -- the only use; a wrong clock of the device does no harm
  unixNow: () => Math.max(0, Date.now()),
  worked: new Map(),
  startTimer(callback, ms) {
    const timer = setTimeout(callback, clampDelay(ms));
    return () => clearTimeout(timer);
  },
  watch({ wake, check }) {
    const { document } = globalThis;
    const onVisible = (): void => {
      if (document.visibilityState === "visible") wake();
    };
    const watched = [
      [globalThis, "online", wake],
      [globalThis, "offline", check],
      // A page that was kept for the back button, or frozen, continues with connections that the browser may have ended.
      [globalThis, "pageshow", wake],
      [document, "resume", wake],
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
