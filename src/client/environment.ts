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
   * A number for a client's first attempt to connect (rule J11), usually above those of the page before it. Only fewer
   * round trips depend on that.
   */
  firstAttempt(): number;
  /** Takes what a listener of the application threw. */
  readonly report: (error: unknown) => void;
}

/** The real world: a browser's window, a worker, Node. */
export const realEnvironment: Environment = {
  now: () => performance.now(),
  // oxlint-disable-next-line no-restricted-properties -- an edge: refs begin at the time of day
  wallNow: () => Date.now(),
  random: () => Math.random(),
  // oxlint-disable-next-line no-restricted-properties -- an edge, and no harm where the device's clock is wrong
  firstAttempt: () => Math.max(0, Date.now()),
  startTimer(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  watch({ onBack, onDoubt }) {
    const watching = new AbortController();
    const { signal } = watching;
    // Node has neither of the two; a worker has no document.
    globalThis.addEventListener?.("online", onBack, { signal });
    globalThis.addEventListener?.("offline", onDoubt, { signal });
    globalThis.document?.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible") onBack();
      },
      { signal },
    );
    return () => watching.abort();
  },
  report(error) {
    // As if nobody had caught it, but without ending a Node process.
    if (typeof reportError === "function") reportError(error);
    // oxlint-disable-next-line no-console -- the one place where an application's own mistake can be seen
    else console.error(error);
  },
};
