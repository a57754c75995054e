import type { Clock } from "../runtime/timers.ts";
import type { Dialer, Target, Transport, TransportName } from "../transports/transport.ts";

/** The interval between trials of a better transport: 5 minutes. */
const TRIAL_INTERVAL_MS = 300_000;

/** How long a trial must last, in milliseconds. A connection that is blocked, buffered or dropped at once does not pass. */
const TRIAL_MS = 10_000;

/** The dependencies of {@link seekBetter}. */
export interface UpgradeDeps {
  /** The better transports, the best first. They are tried in turn. */
  readonly names: readonly TransportName[];
  readonly dialers: Readonly<Record<TransportName, Dialer>>;
  /** Joins the room with a key of its own, and only watches. So a trial does not replace the connection in use. */
  readonly target: () => Target;
  readonly clock: Clock;
  /** A transport passed its trial. */
  readonly onFound: (name: TransportName) => void;
}

/**
 * Tries better transports from time to time, beside the connection in use, until one passes. A separate file, because most
 * pages never need it.
 *
 * @returns a function that ends the search
 */
export function seekBetter({ names, dialers, target, clock, onFound }: UpgradeDeps): () => void {
  let stop: () => void;
  let trials = 0;
  const plan = (): void => {
    stop = clock.startTimer(() => {
      const name = names[trials++ % names.length] as TransportName;
      stop = runTrial(dialers[name], target(), clock, (hasPassed) => (hasPassed ? onFound(name) : plan()));
    }, TRIAL_INTERVAL_MS);
  };
  plan();
  return () => stop();
}

/** Whether a connection receives its welcome and is still open at the end of the trial. The returned function cancels it. */
function runTrial(
  dialer: Dialer,
  target: Target,
  clock: Clock,
  report: (hasPassed: boolean) => void,
): () => void {
  let transport: Transport | undefined;
  let isWelcomed = false;
  let isOver = false;
  const finish = (): void => {
    isOver = true;
    transport?.close(true);
  };
  const cancelTimer = clock.startTimer(() => {
    const hasPassed = isWelcomed && !isOver;
    finish();
    report(hasPassed);
  }, TRIAL_MS);
  const listener = {
    onFrames: (frames: readonly { readonly type: string }[]) => {
      isWelcomed ||= frames.some(({ type }) => type === "welcome");
    },
    onActive: () => undefined,
    onReady: () => undefined,
    onEnd: () => finish(),
  };
  dialer(target, listener, () => !isOver).then(
    (opened) => {
      transport = opened;
      if (isOver) opened.close(true);
    },
    () => finish(),
  );
  return () => {
    cancelTimer();
    finish();
  };
}
