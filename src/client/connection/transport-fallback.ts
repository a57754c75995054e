import type { TransportName } from "../transports/transport.ts";

/** How an attempt failed before its welcome: nothing came within the time, or the connection ended early. */
export type Failure = "timeout" | "early";

/**
 * Which transport to try next. Pure data.
 *
 * The first rung is the preferred one. The client moves to the next rung after a timeout, or after repeated failures. Before
 * any rung has worked in this room, that is two failures. For the rung that has worked it is five failures over some time,
 * because then the server is probably down. It leaves any other rung after one failure. After the last rung comes the first.
 */
export interface Ladder {
  readonly names: readonly TransportName[];
  /** The one to try next, or in use. */
  readonly rung: number;
  /** The one that worked last; the first before any did. */
  readonly home: number;
  /** Whether the home rung ever worked. */
  readonly isProven: boolean;
  /** Failures of this rung in a row. */
  readonly failures: number;
  /** When the first of them was, in milliseconds of the caller's clock. */
  readonly failingSince: number;
  /** When the first rung was last left, in milliseconds of the caller's clock. */
  readonly leftFirstAt: number;
}

/** How many failures, over how many milliseconds, until the client leaves a home rung that has never worked. */
const UNPROVEN = { tries: 2, ms: 0 };

/** The same for a home rung that has worked. A server restart takes less time. */
const PROVEN = { tries: 5, ms: 15_000 };

/** The first rung is tried again by a reconnect that comes so long after it was left: 5 minutes. */
const RETRY_FIRST_MS = 300_000;

/** Stands on the first rung. */
export function makeLadder(names: readonly TransportName[]): Ladder {
  return { names, rung: 0, home: 0, isProven: false, failures: 0, failingSince: 0, leftFirstAt: 0 };
}

/** The transport to try next, or in use. */
export function rungOf(ladder: Ladder): TransportName {
  return ladder.names[ladder.rung] ?? "websocket";
}

/** After an attempt that failed before its welcome, without a word from the server. */
export function afterFailure(ladder: Ladder, failure: Failure, now: number): Ladder {
  const { names, rung, home } = ladder;
  const failures = ladder.failures + 1;
  const failingSince = failures === 1 ? now : ladder.failingSince;
  const { tries, ms } = ladder.isProven ? PROVEN : UNPROVEN;
  const isPatient = failures < tries || now - failingSince < ms;
  if (failure === "early" && rung === home && isPatient) return { ...ladder, failures, failingSince };
  return {
    ...ladder,
    rung: (rung + 1) % names.length,
    failures: 0,
    leftFirstAt: rung === 0 ? now : ladder.leftFirstAt,
  };
}

/**
 * After an attempt that the server refused in words. A browser hears them over SSE only, so they may be why the
 * WebSocket failed as well: back to what is known to work.
 */
export function afterRefusal(ladder: Ladder): Ladder {
  return { ...ladder, rung: ladder.home, failures: 0 };
}

/** After a welcome. */
export function afterWelcome(ladder: Ladder): Ladder {
  return { ...ladder, home: ladder.rung, isProven: true, failures: 0 };
}

/** After a connection that had been welcomed ended. */
export function afterDrop(ladder: Ladder, now: number): Ladder {
  return ladder.rung > 0 && now - ladder.leftFirstAt >= RETRY_FIRST_MS ? { ...ladder, rung: 0 } : ladder;
}
