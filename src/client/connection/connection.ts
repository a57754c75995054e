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
 * How a room stands: `connecting` until the first welcome, `connected`, `reconnecting` after a connection was lost,
 * `closed` for good.
 */
export type RoomState = "connecting" | "connected" | "reconnecting" | "closed";

/** A change of state, or one more attempt that failed. */
export interface StateChange {
  readonly state: RoomState;
  /** Why, for people. */
  readonly reason: string;
  /** The code that the last connection was closed with; 1006 if it broke. `undefined` when connected. */
  readonly code?: number;
  /** When the next attempt begins, in milliseconds from now; only while there is no connection. */
  readonly retryInMs?: number;
  /** Why the room is closed, if the application did not close it. Or why the server rejected the last join for now. */
  readonly error?: ParlorError | undefined;
}

/** Where the life of a connection stands. */
type Phase =
  | { readonly is: "opening"; readonly refusal?: ErrorFrame }
  | { readonly is: "open"; readonly since: number }
  | { readonly is: "waiting" }
  | { readonly is: "closed" };

/** Everything that decides what a room does about its connection. Pure data. */
export interface Connection {
  readonly phase: Phase;
  readonly fallback: TransportFallback;
  /** Attempts in a row that led to no connection that lasted. */
  readonly attempt: number;
  /** Whether a room was ever joined. */
  readonly hasJoined: boolean;
  /** When the last stable connection was lost; `undefined` before there was one. */
  readonly lostAt?: number;
  /** Whether the last attempt was rejected because of its number. The next one follows at once, with a higher number. */
  readonly wasOutranked?: boolean;
  /** Whether it has reconnected after it was replaced, and no connection since then has lasted long enough to be safe. */
  readonly hasRetaken?: boolean;
}

/** What can happen to a connection. */
export type ConnectionEvent =
  /** The timer of the last `timer` effect fired. */
  | { readonly type: "due" }
  /** The network may be back: try now. */
  | { readonly type: "online" }
  | { readonly type: "welcomed" }
  /** The server said why it will close; only before a welcome. */
  | { readonly type: "refused"; readonly error: ErrorFrame }
  /** The transport ended. */
  | { readonly type: "ended"; readonly end: TransportEnd }
  /** The transport is as good as dead, or of no use: give it up and come back. */
  | { readonly type: "lost"; readonly reason: string }
  /** Another connection has taken over. The answer to an act reported it before the transport did. */
  | { readonly type: "replaced"; readonly reason: string }
  /** The application has had enough. */
  | { readonly type: "closed"; readonly reason: string };

/** What is to be done about it, in order. */
export type Effect =
  | { readonly do: "dial"; readonly transport: TransportName }
  /** Close the connection; `forGood` if the member also leaves. */
  | { readonly do: "hang up"; readonly forGood: boolean }
  /** Start the one timer, in place of the last; without `ms`, call it off. */
  | { readonly do: "timer"; readonly ms: number | undefined }
  | { readonly do: "tell"; readonly change: StateChange };

/** What {@link step} must know besides. */
export interface StepContext {
  readonly now: number;
  readonly random: () => number;
  readonly bounds: BackoffBounds & { readonly connectTimeoutMs: number };
}

/** A connection after an event, and what that entails. */
export type Step = readonly [Connection, readonly Effect[]];

/** A connection that lasted so long, in milliseconds, was a success: the next wait is a first one again. */
const STABLE_MS = 10_000;

/**
 * If a connection is replaced sooner than this, in milliseconds, the cause was probably a late attempt of its own client
 * or of the previous page. The network seldom delivers data that it has held back for more than a minute.
 */
const LATE_ATTEMPT_MS = 60_000;

// Checked against the table, which is not loaded for it.
const REPLACED: (typeof CLOSE_CODES)["replaced"]["code"] = 4504;

/** Before the first attempt, which the first `due` begins. */
export function makeConnection(transports: readonly TransportName[]): Connection {
  return { phase: { is: "waiting" }, fallback: makeFallback(transports), attempt: 0, hasJoined: false };
}

/** How the room stands. */
export function stateOf({ phase, hasJoined }: Connection): RoomState {
  if (phase.is === "open") return "connected";
  if (phase.is === "closed") return "closed";
  return hasJoined ? "reconnecting" : "connecting";
}

/** The state machine of a room's connection. Pure: what it decides is for the caller to do. */
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
  // The time spent was wait enough before another way is tried, unless all of them have had their turn.
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

/** @param floorMs what the server asked for; `undefined` to go on at once */
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
