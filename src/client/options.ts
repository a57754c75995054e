import type { AppTypes, PresenceData } from "../protocol/app-types.ts";
import type { PresenceMode } from "../protocol/contract.ts";
import { clampDelay } from "../protocol/durations.ts";
import { toBase64url } from "../protocol/base64.ts";
import { isKey } from "../protocol/ids.ts";
import type { Dialect } from "./transports/dialect.ts";
import type { Lifecycle } from "./runtime/environment.ts";
import type { GetToken } from "./tokens.ts";
import type { TransportName } from "./transports/transport.ts";
import type { WebSocketConstructor } from "./transports/websocket-transport.ts";

/** How to join a room. Every option may be omitted. */
export interface JoinOptions<App extends AppTypes = AppTypes> {
  /**
   * Identifies the member: 22 characters of base64url, 128 random bits. The same key in the same room is the same
   * member, so an application that saves {@link Room.key} can rejoin as that member. The key is a secret. Use it for one
   * connection at a time: if two tabs use the same key, the older one is closed with `replaced`. If the connection of the
   * older tab is younger than a minute, that tab first reconnects once.
   *
   * @default generated at random
   */
  readonly key?: string | undefined;
  /**
   * The {@link Room.position} of an earlier session, to resume from: the room first delivers every message since then. If
   * these messages are not available, the event `welcome` has `recovered: false`.
   *
   * @default only new messages, or as many as `rewind` requests
   */
  readonly position?: string | undefined;
  /** How many of the newest messages to receive on the first join. Ignored if there is a `position`. @default 0 */
  readonly rewind?: number | undefined;
  /** The member's first presence data: any value that JSON can represent. @default none */
  readonly presence?: PresenceData<App, unknown> | undefined;
  /**
   * Whether to receive the list of members (`list`) or only their number (`count`). A room with very many members sends
   * only the number to all clients: see {@link Room.mode}.
   *
   * @default "list"
   */
  readonly mode?: PresenceMode | undefined;
  /**
   * Whether to watch only. The client is then not a member: it is neither listed nor counted, and it receives everything
   * that is addressed to all members. Acts are rejected with `view_only`, and `presence` is not sent.
   *
   * @default false
   */
  readonly view?: boolean | undefined;
  /**
   * The transports to try, the best first. The other rooms of the page start with the one that worked. While a connection
   * uses another transport than the first, the client tests the better ones every five minutes, and moves to one that works.
   *
   * @default ["websocket", "sse", "long-poll"]
   */
  readonly transports?: readonly TransportName[] | undefined;
  /** The maximum time from the start of an attempt to the room's welcome, in milliseconds. @default 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * The maximum random delay before the first reconnect, in milliseconds. It doubles with each attempt that fails. If the
   * connection had lasted for ten seconds, it is at most half of the outage. A delay that the server requests is added.
   *
   * @default 1_000
   */
  readonly minReconnectDelayMs?: number | undefined;
  /** The upper limit of the random delay before any reconnect, in milliseconds. @default 30_000 */
  readonly maxReconnectDelayMs?: number | undefined;
  /** How long to wait for the reply to a ping over WebSocket, in milliseconds, before reconnecting. @default 10_000 */
  readonly pingTimeoutMs?: number | undefined;
  /** Maximum acts that wait for a reply; see `overflow`. @default 1_000 */
  readonly maxPendingActs?: number | undefined;
  /**
   * What to do with a further act if `maxPendingActs` acts wait. `reject` rejects it with `outbox_full`. `drop-oldest` rejects
   * the oldest act that was never sent instead. If all were sent, the new act is rejected.
   *
   * @default "reject"
   */
  readonly overflow?: "reject" | "drop-oldest" | undefined;
  /**
   * Returns a token, for rooms that require one. The client calls it before each attempt to connect, and again before the
   * token expires; the connection then continues with the new token. If `getToken` rejects, the attempt fails, and the
   * client calls it again for the next attempt. If it returns nothing (`undefined`, `null` or ""), the client joins without
   * a token.
   *
   * @default none
   */
  readonly getToken?: GetToken | undefined;
  /**
   * The encoding of frames over WebSocket. `proto` of `parlor/client/proto` makes them binary, which is smaller.
   *
   * @default JSON
   */
  readonly dialect?: Dialect | undefined;
  /** The constructor for WebSockets. @default the platform's */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** The function for the requests of SSE and long-poll. @default the platform's */
  readonly fetch?: typeof fetch | undefined;
  /** Whether to connect at once. If false, the room is `idle` until {@link Room.connect}. @default true */
  readonly autoConnect?: boolean | undefined;
  /**
   * Reports events of the network and the app, for platforms without browser events, such as React Native. It is called once,
   * and the function that it returns is called when the room is closed.
   *
   * @default the browser's events, if there are any
   */
  readonly lifecycle?: Lifecycle | undefined;
  /** Fills an array with random bytes to generate the key. @default `crypto.getRandomValues` */
  readonly getRandomValues?: ((bytes: Uint8Array<ArrayBuffer>) => unknown) | undefined;
}

/** The options that have a value after {@link settle}. */
type Settled =
  | "key"
  | "mode"
  | "view"
  | "transports"
  | "connectTimeoutMs"
  | "minReconnectDelayMs"
  | "maxReconnectDelayMs"
  | "pingTimeoutMs"
  | "maxPendingActs"
  | "overflow"
  | "autoConnect"
  | "WebSocket"
  | "fetch";

/** The options with their defaults, checked. */
export type Settings = Omit<JoinOptions, Settled> & {
  readonly [Name in Settled]-?: Exclude<JoinOptions[Name], undefined>;
};

/** The largest `rewind` that a server accepts; no room keeps this many messages. */
const MAX_REWIND = 999_999_999;

/**
 * Fills in the defaults of options that are absent or `undefined`, and checks the values.
 *
 * @throws TypeError for an invalid option, and if the runtime lacks something that no option replaces
 */
export function settle(options: JoinOptions): Settings {
  const {
    key = drawKey(options),
    mode = "list",
    view = false,
    rewind = 0,
    transports = ["websocket", "sse", "long-poll"],
    connectTimeoutMs = 10_000,
    minReconnectDelayMs = 1_000,
    maxReconnectDelayMs = 30_000,
    pingTimeoutMs = 10_000,
    maxPendingActs = 1_000,
    overflow = "reject",
    autoConnect = true,
    WebSocket = globalThis.WebSocket,
    fetch = (input, init) => globalThis.fetch(input, init),
  } = options;
  if (!isKey(key)) throw new TypeError("key must be 22 characters of base64url (128 random bits)");
  return {
    ...options,
    key,
    mode,
    view,
    rewind: Math.min(Math.floor(amount("rewind", rewind)), MAX_REWIND) || undefined,
    transports: usable(transports, WebSocket, options.fetch),
    // `Infinity` means the longest delay of a timer, 24.8 days.
    connectTimeoutMs: clampDelay(amount("connectTimeoutMs", connectTimeoutMs)),
    minReconnectDelayMs: clampDelay(amount("minReconnectDelayMs", minReconnectDelayMs)),
    maxReconnectDelayMs: clampDelay(amount("maxReconnectDelayMs", maxReconnectDelayMs)),
    pingTimeoutMs: clampDelay(amount("pingTimeoutMs", pingTimeoutMs)),
    maxPendingActs: amount("maxPendingActs", maxPendingActs),
    overflow,
    autoConnect,
    WebSocket,
    fetch,
  };
}

/** @throws TypeError for a value that is not a number from 0 to Infinity */
function amount(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new TypeError(`${name} is ${String(value)}, must be a number, 0 or greater`);
}

/** Generates a key. @throws TypeError if the runtime has no source of randomness */
export function drawKey({ getRandomValues: fill }: Pick<JoinOptions, "getRandomValues">): string {
  const bytes = new Uint8Array(16);
  if (fill !== undefined) fill(bytes);
  else if (typeof globalThis.crypto?.getRandomValues === "function") crypto.getRandomValues(bytes);
  else throw new TypeError("crypto.getRandomValues is missing; pass the option getRandomValues or key");
  return toBase64url(bytes);
}

/**
 * The transports that this runtime supports.
 *
 * @throws TypeError if it supports none
 */
function usable(
  transports: readonly TransportName[],
  WebSocket: unknown,
  ownFetch: unknown,
): readonly TransportName[] {
  const supports = {
    websocket: typeof WebSocket === "function",
    // React Native's `fetch` responds when a stream is over, and its body cannot be read as a stream.
    sse: ownFetch !== undefined || "body" in (globalThis.Response?.prototype ?? {}),
    "long-poll": ownFetch !== undefined || typeof globalThis.fetch === "function",
  };
  const found = transports.filter((name) => supports[name]);
  if (found.length > 0) return found;
  throw new TypeError(
    `no transport of [${transports.join()}] works here (Node.js has WebSocket from version 22); pass the option WebSocket or fetch`,
  );
}
