import { ParlorError } from "../error.ts";
import type { Clock } from "../runtime/timers.ts";

/** How long to wait for the outcome of a call. */
export interface WaitOptions {
  /** The maximum time in milliseconds, also while there is no connection. @default no limit */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait when it is aborted. @default none */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A promise for which the caller may stop waiting.
 *
 * @param start begins the work. It may return a function that ends it; without one, the promise is rejected with the reason
 */
export function waitFor<Value>(
  { timeoutMs, signal }: WaitOptions,
  clock: Clock,
  start: (
    resolve: (value: Value) => void,
    reject: (error: unknown) => void,
  ) => ((reason: ParlorError) => void) | void,
): Promise<Value> {
  let stop: (() => void) | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    const aborted = (): ParlorError => new ParlorError("aborted", "the signal was aborted");
    if (signal?.aborted === true) throw aborted();
    const end = start(resolve, reject) ?? reject;
    const onAbort = (): void => end(aborted());
    const cancel =
      timeoutMs === undefined
        ? undefined
        : clock.startTimer(
            () => end(new ParlorError("timeout", `no outcome within ${timeoutMs} ms`)),
            timeoutMs,
          );
    signal?.addEventListener("abort", onAbort);
    stop = () => {
      cancel?.();
      signal?.removeEventListener("abort", onAbort);
    };
  });
  // An application may ignore the promise. Its rejection is then not reported as unhandled.
  promise.then(
    () => stop?.(),
    () => stop?.(),
  );
  return promise;
}
