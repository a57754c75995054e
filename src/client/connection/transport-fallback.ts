import type { TransportName } from "../transports/transport.ts";

/** How an attempt failed before its welcome: by the timeout, or by an early end of the connection. */
export type Failure = "timeout" | "early";

/**
 * Which transport to try next. Pure data.
 *
 * The first transport is the best one. The client moves to the next transport after a timeout, or after repeated failures. Before
 * any transport has worked in this room, that is two failures. For the transport that has worked it is five failures over some time,
 * because then the server is probably down. It leaves any other transport after one failure. After the last transport comes the first.
 *
 * The client also leaves a transport whose connections receive a welcome and then carry nothing, or are dropped at once several times.
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
  /** Connections in a row that were dropped soon after their welcome. */
  readonly drops: number;
}

/** How many failures, over how many milliseconds, until the client leaves a preferred transport that has never worked. */
const UNPROVEN = { tries: 2, ms: 0 };

/** The same for a preferred transport that has worked. A server restart takes less time. */
const PROVEN = { tries: 5, ms: 15_000 };

/** How many connections in a row may be dropped soon after their welcome, until the client leaves the transport. */
const MAX_DROPS = 3;

/** Starts with the transport that has worked on this page, otherwise with the first one. */
export function makeFallback(names: readonly TransportName[], worked?: string): TransportFallback {
  const known = names.findIndex((name) => name === worked);
  const start = Math.max(0, known);
  return {
    names,
    current: start,
    preferred: start,
    isProven: known >= 0,
    failures: 0,
    failingSince: 0,
    drops: 0,
  };
}

/** The transport to try next, or in use. */
export function currentTransport(fallback: TransportFallback): TransportName {
  return fallback.names[fallback.current] ?? "websocket";
}

/** The transports that are better than the one in use, the best first. */
export function betterTransports({ names, current }: TransportFallback): readonly TransportName[] {
  return names.slice(0, current);
}

/** After an attempt that failed before its welcome, without an error from the server. */
export function afterFailure(fallback: TransportFallback, failure: Failure, now: number): TransportFallback {
  const { current, preferred } = fallback;
  const failures = fallback.failures + 1;
  const failingSince = failures === 1 ? now : fallback.failingSince;
  const { tries, ms } = fallback.isProven ? PROVEN : UNPROVEN;
  const isPatient = failures < tries || now - failingSince < ms;
  return failure === "early" && current === preferred && isPatient
    ? { ...fallback, failures, failingSince }
    : movedTo(fallback, current + 1);
}

/**
 * After an attempt that the server rejected with an error. A browser does not receive such an error over WebSocket, so the
 * same error may be why the WebSocket failed. The next attempt uses the preferred transport.
 */
export function afterRefusal(fallback: TransportFallback): TransportFallback {
  return movedTo(fallback, fallback.preferred);
}

/** After a welcome. */
export function afterWelcome(fallback: TransportFallback): TransportFallback {
  return { ...fallback, preferred: fallback.current, isProven: true, failures: 0 };
}

/** After the network ended a connection soon after its welcome. `isSilent` if it carried nothing after it. */
export function afterDrop(fallback: TransportFallback, isSilent: boolean): TransportFallback {
  const drops = fallback.drops + 1;
  return isSilent || drops === MAX_DROPS ? movedTo(fallback, fallback.current + 1) : { ...fallback, drops };
}

/** Continues with a transport, given by its index; after the last one comes the first. */
export function movedTo(fallback: TransportFallback, index: number): TransportFallback {
  return { ...fallback, current: index % fallback.names.length, failures: 0, drops: 0 };
}
