import type { TransportName } from "../transports/transport.ts";

/** How an attempt failed before its welcome: by the timeout, or by an early end of the connection. */
export type Failure = "timeout" | "early";

/**
 * Which transport to try next. Pure data.
 *
 * The first transport is the best one. The client moves to the next transport after a timeout, or after repeated failures. Before
 * any transport has worked in this room, that is two failures. For the transport that has worked it is five failures over some time,
 * because then the server is probably down. It leaves any other transport after one failure. After the last transport comes the first.
 */
export interface TransportFallback {
  readonly names: readonly TransportName[];
  /** The one to try next, or in use. */
  readonly current: number;
  /** The transport that worked last; the first one before any has worked. */
  readonly preferred: number;
  /** Whether the preferred transport ever worked. */
  readonly isProven: boolean;
  /** Failures of this transport in a row. */
  readonly failures: number;
  /** The time of the first of these failures, in milliseconds of the caller's clock. */
  readonly failingSince: number;
  /** When the first transport was last left, in milliseconds of the caller's clock. */
  readonly leftFirstAt: number;
}

/** How many failures, over how many milliseconds, until the client leaves a preferred transport that has never worked. */
const UNPROVEN = { tries: 2, ms: 0 };

/** The same for a preferred transport that has worked. A server restart takes less time. */
const PROVEN = { tries: 5, ms: 15_000 };

/** A reconnect tries the first transport again this long after the client left it: 5 minutes. */
const RETRY_FIRST_MS = 300_000;

/** Starts with the first transport. */
export function makeFallback(names: readonly TransportName[]): TransportFallback {
  return { names, current: 0, preferred: 0, isProven: false, failures: 0, failingSince: 0, leftFirstAt: 0 };
}

/** The transport to try next, or in use. */
export function currentTransport(fallback: TransportFallback): TransportName {
  return fallback.names[fallback.current] ?? "websocket";
}

/** After an attempt that failed before its welcome, without an error from the server. */
export function afterFailure(fallback: TransportFallback, failure: Failure, now: number): TransportFallback {
  const { names, current, preferred } = fallback;
  const failures = fallback.failures + 1;
  const failingSince = failures === 1 ? now : fallback.failingSince;
  const { tries, ms } = fallback.isProven ? PROVEN : UNPROVEN;
  const isPatient = failures < tries || now - failingSince < ms;
  if (failure === "early" && current === preferred && isPatient)
    return { ...fallback, failures, failingSince };
  return {
    ...fallback,
    current: (current + 1) % names.length,
    failures: 0,
    leftFirstAt: current === 0 ? now : fallback.leftFirstAt,
  };
}

/**
 * After an attempt that the server rejected with an error. A browser receives such an error over SSE only, so the same error
 * may be why the WebSocket failed. The next attempt uses the preferred transport.
 */
export function afterRefusal(fallback: TransportFallback): TransportFallback {
  return { ...fallback, current: fallback.preferred, failures: 0 };
}

/** After a welcome. */
export function afterWelcome(fallback: TransportFallback): TransportFallback {
  return { ...fallback, preferred: fallback.current, isProven: true, failures: 0 };
}

/** After the end of a connection that had received its welcome. */
export function afterDrop(fallback: TransportFallback, now: number): TransportFallback {
  return fallback.current > 0 && now - fallback.leftFirstAt >= RETRY_FIRST_MS
    ? { ...fallback, current: 0 }
    : fallback;
}
