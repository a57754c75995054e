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
  if (phase.is === "closed") return [connection, []];
  switch (event.type) {
    case "due":
      if (phase.is === "waiting") return dial(connection, context);
      return phase.is === "opening" ? timeOut(connection, context) : [connection, []];
    case "online":
      return phase.is === "waiting" ? dial(connection, context) : [connection, []];
    case "welcomed":
      return phase.is === "opening" ? open(connection, context) : [connection, []];
    case "refused":
      return [
        phase.is === "opening" ? { ...connection, phase: { ...phase, refusal: event.error } } : connection,
        [],
      ];
    case "ended":
      return phase.is === "waiting" ? [connection, []] : end(connection, event.end, context);
    case "lost":
    case "replaced": {
      if (phase.is === "waiting") return [connection, []];
      const code = event.type === "lost" ? 1006 : REPLACED;
      const [next, effects] = end(connection, { code, reason: event.reason }, context);
      return [next, [{ do: "hang up", forGood: false }, ...effects]];
    }
    case "closed": {
      const before: readonly Effect[] = [{ do: "hang up", forGood: true }];
      return close(connection, { state: "closed", reason: event.reason }, before);
    }
    default:
      return event satisfies never;
  }
}

function dial(connection: Connection, { bounds }: StepContext): Step {
  const effects: readonly Effect[] = [
    { do: "timer", ms: bounds.connectTimeoutMs },
    { do: "dial", transport: currentTransport(connection.fallback) },
  ];
  return [{ ...connection, phase: { is: "opening" } }, effects];
}

function open(connection: Connection, { now }: StepContext): Step {
  const fallback = afterWelcome(connection.fallback);
  const change: StateChange = { state: "connected", reason: "the room was joined" };
  return [
    { ...connection, fallback, phase: { is: "open", since: now }, hasJoined: true, wasOutranked: false },
    [
      { do: "timer", ms: undefined },
      { do: "tell", change },
    ],
  ];
}

function timeOut(connection: Connection, context: StepContext): Step {
  const fallback = afterFailure(connection.fallback, "timeout", context.now);
  const why = { code: 1006, reason: `no welcome within ${context.bounds.connectTimeoutMs} ms` };
  // The time spent was wait enough before another way is tried, unless all of them have had their turn.
  const floorMs = fallback.current > 0 ? undefined : 0;
  const [next, effects] = wait({ ...connection, fallback }, why, floorMs, context);
  return [next, [{ do: "hang up", forGood: false }, ...effects]];
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
    return close(connection, { state: "closed", ...why, error: error ?? errorOfClose(code, reason) }, []);
  }
  const floorMs = refusal?.retryAfterMs ?? retryMs;
  if (phase.is === "open") {
    const lasting = lastedMs >= STABLE_MS ? { attempt: 0, lostAt: context.now } : {};
    const next = { ...connection, ...lasting, fallback: afterDrop(fallback, context.now) };
    return wait({ ...next, hasRetaken: hasRetaken || mayRetake }, why, floorMs, context);
  }
  if (refusal?.code === "superseded" && connection.wasOutranked !== true) {
    return wait({ ...connection, wasOutranked: true }, why, undefined, context);
  }
  const wasHeard = refusal !== undefined || code >= 4000;
  const next = wasHeard ? afterRefusal(fallback) : afterFailure(fallback, "early", context.now);
  return wait({ ...connection, fallback: next, hasRetaken: hasRetaken || mayRetake }, why, floorMs, context);
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
  return [
    next,
    [
      { do: "timer", ms: retryInMs },
      { do: "tell", change: { state: stateOf(next), ...why, retryInMs } },
    ],
  ];
}

function close(connection: Connection, change: StateChange, before: readonly Effect[]): Step {
  return [
    { ...connection, phase: { is: "closed" } },
    [...before, { do: "timer", ms: undefined }, { do: "tell", change }],
  ];
}
