import { mayReconnect, type CLOSE_CODES } from "../../protocol/close-codes.ts";
import { clampDelay } from "../../protocol/durations.ts";
import type { ErrorFrame } from "../../protocol/frames.ts";
import { adviceOn, type Advice } from "./advice.ts";
import { backoffMs, type BackoffBounds } from "./backoff.ts";
import { type ParlorError, errorOfClose, errorOfFrame } from "../error.ts";
import {
  afterDrop,
  afterFailure,
  afterRefusal,
  afterWelcome,
  currentTransport,
  makeFallback,
  movedTo,
  type TransportFallback,
} from "./transport-fallback.ts";
import type { TransportEnd, TransportName } from "../transports/transport.ts";

/**
 * The state of a connection:
 *
 * - `idle`: it was never started (`autoConnect: false`);
 * - `connecting`: an attempt is in progress;
 * - `open`: the room is joined;
 * - `waiting`: the connection was lost or rejected, and the client connects again at `nextTryAt`;
 * - `closed`: for good.
 */
export type ConnectionState = "idle" | "connecting" | "open" | "waiting" | "closed";

/** The connection of a room. Immutable: a change creates another object. */
export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** The transport in use; only while `open`. */
  readonly transport?: TransportName;
  /** Why it waits or is closed, for people. */
  readonly reason?: string;
  /** The close code of the last connection; 1006 if it broke. Only while `waiting` or `closed`. */
  readonly code?: number;
  /** Why the room is closed, if the application did not close it. Or why the server rejected the last join for now. */
  readonly error?: ParlorError;
  /** When the next attempt begins, in Unix milliseconds of the device's clock; only while `waiting`. */
  readonly nextTryAt?: number;
  /** What a person can do; only while `waiting` or `closed`, and not if the application closed the room. */
  readonly advice?: Advice;
}

/** The phase of a connection. */
type Phase =
  | { readonly is: "idle" }
  | { readonly is: "opening"; readonly refusal?: ErrorFrame }
  | { readonly is: "open"; readonly since: number }
  /** The server requested to wait until `notBefore`. No event of the application or the browser shortens that. */
  | { readonly is: "waiting"; readonly notBefore: number }
  | { readonly is: "closed" };

/** The data on which a room's decisions about its connection depend. Pure data. */
export interface Connection {
  readonly phase: Phase;
  /** The connection as applications see it. */
  readonly status: ConnectionStatus;
  readonly fallback: TransportFallback;
  /** The number of attempts in a row without a stable connection. */
  readonly attempt: number;
  /** When the last stable connection was lost; `undefined` before there was one. */
  readonly lostAt?: number;
  /** Whether the last attempt was rejected because of its number. The next one follows at once, with a higher number. */
  readonly wasOutranked?: boolean;
  /** Whether it has reconnected after it was replaced, and no connection since then has lasted long enough to be safe. */
  readonly hasRetaken?: boolean;
}

/** The events of a connection. */
export type ConnectionEvent =
  /** The timer of the last `timer` effect fired. */
  | { readonly type: "due" }
  /** The network or the app may be available again: try now, unless the server requested to wait. */
  | { readonly type: "wake" }
  /** The application requests a connection: the same, and it starts an idle one. */
  | { readonly type: "connect" }
  /** The application requests a new connection: the same, and it replaces an open one. */
  | { readonly type: "reconnect" }
  | { readonly type: "welcomed" }
  /** The server sent an error before it closes the connection; only before a welcome. */
  | { readonly type: "refused"; readonly error: ErrorFrame }
  /** The transport ended. */
  | { readonly type: "ended"; readonly end: TransportEnd }
  /** The transport is dead or useless: close it and reconnect. `silentMs` is how long it carried nothing. */
  | { readonly type: "lost"; readonly reason: string; readonly silentMs?: number }
  /** Another connection replaced this one. The reply to an act reported it before the transport did. */
  | { readonly type: "replaced"; readonly reason: string }
  /** A better transport works: connect over it. */
  | { readonly type: "upgrade"; readonly transport: TransportName }
  /** The application closed the room. */
  | { readonly type: "closed"; readonly reason: string };

/** The actions that follow an event, in order. */
export type Effect =
  | { readonly do: "dial"; readonly transport: TransportName }
  /** Close the connection; `forGood` if the member also leaves. */
  | { readonly do: "hang up"; readonly forGood: boolean }
  /** Start the only timer, or restart it. Without `ms`, stop it. */
  | { readonly do: "timer"; readonly ms: number | undefined }
  /** Notify the application of the status. */
  | { readonly do: "notify" };

/** The further input of {@link step}. */
export interface StepContext {
  readonly now: number;
  /** The time of day of the device, in Unix milliseconds. */
  readonly unixNow: number;
  readonly random: () => number;
  readonly bounds: BackoffBounds & { readonly connectTimeoutMs: number };
}

/** A connection after an event, and the actions that follow. */
export type Step = readonly [Connection, readonly Effect[]];

/** A connection that lasted this long, in milliseconds, was stable: the backoff starts again. */
const STABLE_MS = 10_000;

/**
 * If a connection is replaced sooner than this, in milliseconds, the cause was probably a late attempt of its own client
 * or of the previous page. The network seldom delivers data that it has held back for more than a minute.
 */
const LATE_ATTEMPT_MS = 60_000;

// The compiler checks this against the table, which is not in the bundle.
const REPLACED: (typeof CLOSE_CODES)["replaced"]["code"] = 4504;

/** The state before the first attempt. @param worked the transport that has worked on this page */
export function makeConnection(transports: readonly TransportName[], worked?: string): Connection {
  return {
    phase: { is: "idle" },
    status: { state: "idle" },
    fallback: makeFallback(transports, worked),
    attempt: 0,
  };
}

/** The state machine of a room's connection. Pure: the caller performs the effects. */
export function step(connection: Connection, event: ConnectionEvent, context: StepContext): Step {
  const { phase, fallback } = connection;
  const unchanged: Step = [connection, []];
  if (phase.is === "closed") return unchanged;
  if (event.type === "closed") return hangUp(close(connection, { reason: event.reason }), true);
  if (phase.is === "idle" || phase.is === "waiting") {
    return startsAttempt(phase, event.type, context.now) ? dial(connection, context) : unchanged;
  }
  if (event.type === "ended") return end(connection, event.end, context);
  if (event.type === "lost") {
    return hangUp(end(connection, { code: 1006, ...event }, context));
  }
  if (event.type === "replaced") {
    return hangUp(end(connection, { code: REPLACED, reason: event.reason }, context));
  }
  if (phase.is === "opening") {
    if (event.type === "due") return timeOut(connection, context);
    if (event.type === "welcomed") return open(connection, context);
    return event.type === "refused"
      ? [{ ...connection, phase: { ...phase, refusal: event.error } }, []]
      : unchanged;
  }
  if (event.type === "reconnect") return hangUp(dial(connection, context));
  if (event.type !== "upgrade") return unchanged;
  const index = fallback.names.indexOf(event.transport);
  return hangUp(dial({ ...connection, fallback: movedTo(fallback, index) }, context));
}

/** Whether an event starts an attempt of a connection that is idle or waits. */
function startsAttempt(
  phase: Extract<Phase, { is: "idle" | "waiting" }>,
  type: ConnectionEvent["type"],
  now: number,
): boolean {
  const isRequest = type === "connect" || type === "reconnect";
  if (phase.is === "idle") return isRequest;
  return type === "due" || ((isRequest || type === "wake") && now >= phase.notBefore);
}

/** Closes the connection before the effects of a step. */
function hangUp([connection, effects]: Step, forGood = false): Step {
  return [connection, [{ do: "hang up", forGood }, ...effects]];
}

function dial(connection: Connection, { bounds }: StepContext): Step {
  const [next, effects] = settle(
    { ...connection, phase: { is: "opening" } },
    { state: "connecting" },
    bounds.connectTimeoutMs,
  );
  return [next, [{ do: "dial", transport: currentTransport(connection.fallback) }, ...effects]];
}

function open(connection: Connection, { now }: StepContext): Step {
  return settle(
    {
      ...connection,
      fallback: afterWelcome(connection.fallback),
      phase: { is: "open", since: now },
      wasOutranked: false,
    },
    { state: "open", transport: currentTransport(connection.fallback) },
  );
}

function timeOut(connection: Connection, context: StepContext): Step {
  const fallback = afterFailure(connection.fallback, "timeout", context.now);
  const why = { code: 1006, reason: `no welcome within ${context.bounds.connectTimeoutMs} ms` };
  // The timeout was enough delay before the next transport, unless the client has tried all of them.
  const floorMs = fallback.current > 0 ? undefined : 0;
  return hangUp(wait({ ...connection, fallback }, why, floorMs, context));
}

function end(
  connection: Connection,
  { code, reason, silentMs = 0, retryMs = 0 }: TransportEnd,
  context: StepContext,
): Step {
  const { phase, fallback } = connection;
  const refusal = phase.is === "opening" ? phase.refusal : undefined;
  const error = refusal && errorOfFrame(refusal);
  const why = { code, reason: refusal?.message ?? reason, ...(error && { error }) };
  const lastedMs = phase.is === "open" ? context.now - phase.since - silentMs : 0;
  const hasRetaken = connection.hasRetaken === true && lastedMs < LATE_ATTEMPT_MS;
  // Only once. If two pages with one key both reconnect, the older one is closed for good in the end.
  const mayRetake = code === REPLACED && lastedMs < LATE_ATTEMPT_MS && !hasRetaken;
  if (!mayReconnect(code) && !mayRetake) {
    return close(connection, { ...why, error: error ?? errorOfClose(code, reason) });
  }
  if (refusal?.code === "superseded" && connection.wasOutranked !== true) {
    return wait({ ...connection, wasOutranked: true }, why, undefined, context);
  }
  const isStable = lastedMs >= STABLE_MS;
  const next = {
    ...connection,
    ...(isStable && { attempt: 0, lostAt: context.now }),
    fallback:
      refusal !== undefined || code >= 4000 || isStable
        ? phase.is === "open"
          ? { ...fallback, drops: 0 }
          : afterRefusal(fallback)
        : phase.is === "open"
          ? afterDrop(fallback, silentMs > 0)
          : afterFailure(fallback, "early", context.now),
    hasRetaken: hasRetaken || mayRetake,
  };
  // A transport that has not failed yet is tried at once. The delays before were those of the transport that failed.
  const isNext = refusal === undefined && next.fallback.current > fallback.current;
  const floorMs = refusal?.retryAfterMs ?? retryMs;
  return wait(next, why, isNext && floorMs === 0 ? undefined : floorMs, context);
}

/** @param floorMs the delay that the server requests; `undefined` to continue at once */
function wait(
  connection: Connection,
  why: Pick<ConnectionStatus, "code" | "reason" | "error">,
  floorMs: number | undefined,
  { bounds, random, now, unixNow }: StepContext,
): Step {
  const outageMs = now - (connection.lostAt ?? -Infinity);
  const retryInMs =
    floorMs === undefined ? 0 : backoffMs(bounds, connection.attempt, floorMs, random, outageMs);
  return settle(
    {
      ...connection,
      phase: { is: "waiting", notBefore: now + clampDelay(floorMs ?? 0) },
      attempt: connection.attempt + 1,
    },
    { state: "waiting", ...why, nextTryAt: unixNow + retryInMs, advice: adviceOn(why.error, "wait") },
    retryInMs,
  );
}

function close(connection: Connection, why: Pick<ConnectionStatus, "code" | "reason" | "error">): Step {
  return settle(
    { ...connection, phase: { is: "closed" } },
    { state: "closed", ...why, ...(why.error && { advice: adviceOn(why.error, "ask") }) },
  );
}

/** Ends a step: starts the timer, or stops it if there is nothing to wait for, and notifies the application. */
function settle(connection: Connection, status: ConnectionStatus, timerMs?: number): Step {
  return [{ ...connection, status }, [{ do: "timer", ms: timerMs }, { do: "notify" }]];
}
