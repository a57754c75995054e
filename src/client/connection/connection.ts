import { mayReconnect, type CLOSE_CODES } from "../../protocol/close-codes.ts";
import type { ErrorFrame } from "../../protocol/frames.ts";
import { backoffMs, type BackoffBounds } from "./backoff.ts";
import { type ParlorError, errorOfClose, errorOfFrame } from "../error.ts";
import {
  afterDrop,
  afterFailure,
  afterRefusal,
  afterWelcome,
  makeFallback,
  currentTransport,
  type TransportFallback,
} from "./transport-fallback.ts";
import type { TransportEnd, TransportName } from "../transports/transport.ts";

/**
 * The state of a room: `connecting` until the first welcome, `connected`, `reconnecting` after a connection was lost, or
 * `closed` for good.
 */
export type RoomState = "connecting" | "connected" | "reconnecting" | "closed";

/** A change of state, or another failed attempt. */
export interface StateChange {
  readonly state: RoomState;
  /** The reason, for people. */
  readonly reason: string;
  /** The close code of the last connection; 1006 if it broke. `undefined` when connected. */
  readonly code?: number;
  /** When the next attempt begins, in milliseconds from now; only while there is no connection. */
  readonly retryInMs?: number;
  /** Why the room is closed, if the application did not close it. Or why the server rejected the last join for now. */
  readonly error?: ParlorError | undefined;
}

/** The phase of a connection. */
type Phase =
  | { readonly is: "opening"; readonly refusal?: ErrorFrame }
  | { readonly is: "open"; readonly since: number }
  | { readonly is: "waiting" }
  | { readonly is: "closed" };

/** The data on which a room's decisions about its connection depend. Pure data. */
export interface Connection {
  readonly phase: Phase;
  readonly fallback: TransportFallback;
  /** The number of attempts in a row without a stable connection. */
  readonly attempt: number;
  /** Whether the room was ever joined. */
  readonly hasJoined: boolean;
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
  /** The network may be available again: try now. */
  | { readonly type: "online" }
  | { readonly type: "welcomed" }
  /** The server sent an error before it closes the connection; only before a welcome. */
  | { readonly type: "refused"; readonly error: ErrorFrame }
  /** The transport ended. */
  | { readonly type: "ended"; readonly end: TransportEnd }
  /** The transport is dead or useless: close it and reconnect. */
  | { readonly type: "lost"; readonly reason: string }
  /** Another connection replaced this one. The reply to an act reported it before the transport did. */
  | { readonly type: "replaced"; readonly reason: string }
  /** The application closed the room. */
  | { readonly type: "closed"; readonly reason: string };

/** The actions that follow an event, in order. */
export type Effect =
  | { readonly do: "dial"; readonly transport: TransportName }
  /** Close the connection; `forGood` if the member also leaves. */
  | { readonly do: "hang up"; readonly forGood: boolean }
  /** Start the only timer, or restart it. Without `ms`, stop it. */
  | { readonly do: "timer"; readonly ms: number | undefined }
  | { readonly do: "tell"; readonly change: StateChange };

/** The further input of {@link step}. */
export interface StepContext {
  readonly now: number;
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

/** The state before the first attempt, which the first `due` starts. */
export function makeConnection(transports: readonly TransportName[]): Connection {
  return { phase: { is: "waiting" }, fallback: makeFallback(transports), attempt: 0, hasJoined: false };
}

/** The state of the room. */
export function stateOf({ phase, hasJoined }: Connection): RoomState {
  if (phase.is === "open") return "connected";
  if (phase.is === "closed") return "closed";
  return hasJoined ? "reconnecting" : "connecting";
}

/** The state machine of a room's connection. Pure: the caller performs the effects. */
export function step(connection: Connection, event: ConnectionEvent, context: StepContext): Step {
  const { phase } = connection;
  const unchanged: Step = [connection, []];
  if (phase.is === "closed") return unchanged;
  if (event.type === "closed") {
    return hangUp(close(connection, { state: "closed", reason: event.reason }), true);
  }
  if (phase.is === "waiting") {
    return event.type === "due" || event.type === "online" ? dial(connection, context) : unchanged;
  }
  if (event.type === "ended") return end(connection, event.end, context);
  if (event.type === "lost" || event.type === "replaced") {
    const code = event.type === "lost" ? 1006 : REPLACED;
    return hangUp(end(connection, { code, reason: event.reason }, context));
  }
  if (phase.is === "open" || event.type === "online") return unchanged;
  if (event.type === "due") return timeOut(connection, context);
  if (event.type === "welcomed") return open(connection, context);
  return [{ ...connection, phase: { ...phase, refusal: event.error } }, []];
}

/** Closes the connection before the effects of a step. */
function hangUp([connection, effects]: Step, forGood = false): Step {
  return [connection, [{ do: "hang up", forGood }, ...effects]];
}

function dial(connection: Connection, { bounds }: StepContext): Step {
  const effects: readonly Effect[] = [
    { do: "timer", ms: bounds.connectTimeoutMs },
    { do: "dial", transport: currentTransport(connection.fallback) },
  ];
  return [{ ...connection, phase: { is: "opening" } }, effects];
}

function open(connection: Connection, { now }: StepContext): Step {
  return settle(
    {
      ...connection,
      fallback: afterWelcome(connection.fallback),
      phase: { is: "open", since: now },
      hasJoined: true,
      wasOutranked: false,
    },
    { state: "connected", reason: "the room was joined" },
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
  { code, reason, retryMs = 0 }: TransportEnd,
  context: StepContext,
): Step {
  const { phase, fallback } = connection;
  const refusal = phase.is === "opening" ? phase.refusal : undefined;
  const error = refusal && errorOfFrame(refusal);
  const why = { code, reason: refusal?.message ?? reason, error };
  const lastedMs = phase.is === "open" ? context.now - phase.since : 0;
  const hasRetaken = connection.hasRetaken === true && lastedMs < LATE_ATTEMPT_MS;
  // Only once. If two pages with one key both reconnect, the older one is closed for good in the end.
  const mayRetake = code === REPLACED && lastedMs < LATE_ATTEMPT_MS && !hasRetaken;
  if (!mayReconnect(code) && !mayRetake) {
    return close(connection, { state: "closed", ...why, error: error ?? errorOfClose(code, reason) });
  }
  if (refusal?.code === "superseded" && connection.wasOutranked !== true) {
    return wait({ ...connection, wasOutranked: true }, why, undefined, context);
  }
  const lasting = lastedMs >= STABLE_MS ? { attempt: 0, lostAt: context.now } : {};
  const next = {
    ...connection,
    ...lasting,
    fallback:
      phase.is === "open"
        ? afterDrop(fallback, context.now)
        : refusal !== undefined || code >= 4000
          ? afterRefusal(fallback)
          : afterFailure(fallback, "early", context.now),
    hasRetaken: hasRetaken || mayRetake,
  };
  return wait(next, why, refusal?.retryAfterMs ?? retryMs, context);
}

/** @param floorMs the delay that the server requests; `undefined` to continue at once */
function wait(
  connection: Connection,
  why: Pick<StateChange, "code" | "reason" | "error">,
  floorMs: number | undefined,
  { bounds, random, now }: StepContext,
): Step {
  const outageMs = now - (connection.lostAt ?? -Infinity);
  const retryInMs =
    floorMs === undefined ? 0 : backoffMs(bounds, connection.attempt, floorMs, random, outageMs);
  const next: Connection = { ...connection, phase: { is: "waiting" }, attempt: connection.attempt + 1 };
  return settle(next, { state: stateOf(next), ...why, retryInMs });
}

function close(connection: Connection, change: StateChange): Step {
  return settle({ ...connection, phase: { is: "closed" } }, change);
}

/** Ends a step: starts the timer, or stops it if there is nothing to wait for, and notifies the application. */
function settle(connection: Connection, change: StateChange): Step {
  return [
    connection,
    [
      { do: "timer", ms: change.retryInMs },
      { do: "tell", change },
    ],
  ];
}
