import type { PresenceMode } from "../protocol/contract.ts";
import { clampDelay } from "../protocol/durations.ts";
import { isKey, randomKey } from "../protocol/ids.ts";
import type { BackoffBounds } from "./connection/backoff.ts";
import type { Dialect } from "./transports/dialect.ts";
import type { DialerOptions } from "./transports/dialers.ts";
import type { GetToken } from "./tokens.ts";
import type { TransportName } from "./transports/transport.ts";
import type { WebSocketConstructor } from "./transports/websocket-transport.ts";

/** How to join a room. Every option may be omitted. */
export interface JoinOptions {
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
  readonly presence?: unknown;
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
   * The transports to try, the best first. The client remembers which one worked. It tries the first one again when it
   * reconnects five minutes or more after that one failed.
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
  /** Maximum acts that wait for a reply. A further act is rejected with `outbox_full`. @default 1_000 */
  readonly maxPendingActs?: number | undefined;
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
   * The encoding of frames over WebSocket. `proto` of `proto.ts` makes them binary, which is smaller.
   *
   * @default JSON
   */
  readonly dialect?: Dialect | undefined;
  /** The constructor for WebSockets. @default the platform's */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** The function for the requests of SSE and long-poll. @default the platform's */
  readonly fetch?: typeof fetch | undefined;
}

/** The options with their defaults, checked. */
export interface Settings extends BackoffBounds, DialerOptions {
  readonly key: string;
  readonly position?: string;
  readonly rewind?: number | undefined;
  readonly presence?: unknown;
  readonly mode: PresenceMode;
  readonly view: boolean;
  readonly transports: readonly TransportName[];
  readonly connectTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly maxPendingActs: number;
}

/** The options that are durations, in milliseconds. `Infinity` means the longest delay of a timer, 24.8 days. */
const DURATIONS = [
  "connectTimeoutMs",
  "minReconnectDelayMs",
  "maxReconnectDelayMs",
  "pingTimeoutMs",
] as const satisfies readonly (keyof Settings)[];

/** The largest `rewind` that a server accepts; no room keeps this many messages. */
const MAX_REWIND = 999_999_999;

/**
 * Fills in the defaults of options that are absent or `undefined`, and checks the values.
 *
 * @throws TypeError for an invalid option, and if the runtime lacks something that no option replaces
 */
export function settle(options: JoinOptions): Settings {
  const settings = {
    mode: "list" as const,
    view: false,
    transports: ["websocket", "sse", "long-poll"] as const,
    connectTimeoutMs: 10_000,
    minReconnectDelayMs: 1_000,
    maxReconnectDelayMs: 30_000,
    pingTimeoutMs: 10_000,
    maxPendingActs: 1_000,
    WebSocket: globalThis.WebSocket,
    fetch: ((input, init) => globalThis.fetch(input, init)) as typeof fetch,
    ...(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
      readonly [Name in keyof JoinOptions]: Exclude<JoinOptions[Name], undefined>;
    }),
  };
  const durations = DURATIONS.map((name) => [name, clampDelay(amount(name, settings[name]))]);
  const { rewind } = settings;
  amount("maxPendingActs", settings.maxPendingActs);
  const key = settings.key ?? drawKey();
  if (!isKey(key)) throw new TypeError("key must be 22 characters of base64url (128 random bits)");
  return {
    ...settings,
    ...(Object.fromEntries(durations) as Pick<Settings, (typeof DURATIONS)[number]>),
    key,
    rewind: rewind === undefined ? undefined : Math.min(Math.floor(amount("rewind", rewind)), MAX_REWIND),
    transports: usable(settings, options.fetch !== undefined),
  };
}

/** @throws TypeError for a value that is not a number from 0 to Infinity */
function amount(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new TypeError(`${name} is ${String(value)}, must be a number, 0 or greater`);
}

function drawKey(): string {
  if (typeof globalThis.crypto?.getRandomValues === "function") return randomKey();
  throw new TypeError("this runtime has no crypto.getRandomValues to generate a key; pass the option key");
}

/**
 * The transports that this runtime supports.
 *
 * @throws TypeError if it supports none
 */
function usable(
  { transports, WebSocket }: Pick<Settings, "transports" | "WebSocket">,
  hasOwnFetch: boolean,
): readonly TransportName[] {
  if (transports.length === 0) throw new TypeError("transports is empty; name one");
  const lacks = {
    websocket: typeof WebSocket !== "function" && "no WebSocket (Node.js has one from version 22)",
    // React Native's `fetch` responds when a stream is over, and its body cannot be read as a stream.
    sse: !hasOwnFetch && !("body" in (globalThis.Response?.prototype ?? {})) && "no fetch that can stream",
    "long-poll": !hasOwnFetch && !globalThis.fetch && "no fetch",
  };
  const found = transports.filter((name) => lacks[name] === false);
  if (found.length > 0) return found;
  const missing = transports.map((name) => lacks[name]).join(" and ");
  throw new TypeError(`this runtime has ${missing}; pass the option WebSocket or fetch`);
}
