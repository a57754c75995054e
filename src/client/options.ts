import type { PresenceMode } from "../protocol/contract.ts";
import { clampDelay } from "../protocol/durations.ts";
import { isKey, randomKey } from "../protocol/ids.ts";
import type { BackoffBounds } from "./connection/backoff.ts";
import type { Dialect } from "./transports/dialect.ts";
import type { DialerOptions } from "./transports/dialers.ts";
import type { GetToken } from "./tokens.ts";
import type { TransportName } from "./transports/transport.ts";
import type { WebSocketConstructor } from "./transports/websocket-transport.ts";

/** How to join a room. Everything may be left out. */
export interface JoinOptions {
  /**
   * Who one is: 22 characters of base64url, 128 random bits. The same key in the same room is the same member, so an
   * application that saves {@link Room.key} comes back as who it was. It is a secret, and for one connection at a
   * time: of two tabs with one key, the older is closed with `replaced`. If its connection is younger than a minute, it
   * first reconnects once.
   *
   * @default drawn at random
   */
  readonly key?: string | undefined;
  /**
   * Where to go on, from the {@link Room.position} of an earlier visit: every message since then is told first. Where
   * that cannot be had, the event `welcome` says so.
   *
   * @default from now on, or from `rewind`
   */
  readonly position?: string | undefined;
  /** How many of the newest messages to be told on the first join; `position` wins over it. @default 0 */
  readonly rewind?: number | undefined;
  /** What the member says of itself from the start; anything JSON can carry. @default nothing */
  readonly presence?: unknown;
  /**
   * Whether to be told who is here, or only how many. A room of very many members tells everyone only how many, for as
   * long as it is so large: see {@link Room.mode}.
   *
   * @default "list"
   */
  readonly mode?: PresenceMode | undefined;
  /**
   * Whether only to watch: as no member, neither listed nor counted, hearing everything that is for everyone. Acts
   * are rejected `view_only`, and `presence` is not told.
   *
   * @default false
   */
  readonly view?: boolean | undefined;
  /**
   * The ways to be tried, the best first. Which one works is remembered by the room; the first is tried again at the
   * first reconnect that comes five minutes or more after it failed.
   *
   * @default ["websocket", "sse"]
   */
  readonly transports?: readonly TransportName[] | undefined;
  /** How long an attempt may take until the room's welcome, in milliseconds. @default 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * What the wait before the first reconnect is drawn from, in milliseconds: 0 to this. It doubles with each attempt
   * that fails. If the connection had lasted for ten seconds, it is at most half of the outage. The wait that the server
   * requests is added.
   *
   * @default 1_000
   */
  readonly minReconnectDelayMs?: number | undefined;
  /** The largest that the wait before a reconnect is drawn from, in milliseconds. @default 30_000 */
  readonly maxReconnectDelayMs?: number | undefined;
  /** How long a ping's answer may take over WebSocket, in milliseconds, before the connection is dead. @default 10_000 */
  readonly pingTimeoutMs?: number | undefined;
  /** How many acts may wait for their answer; one more is rejected `outbox_full`. @default 1_000 */
  readonly maxPendingActs?: number | undefined;
  /**
   * Gives a token, for rooms that ask for one: before each attempt to connect, and ahead of its expiry, when the
   * connection continues with the new one. If `getToken` rejects, the attempt has failed, and the client calls it again
   * for the next one. If it returns nothing (`undefined`, `null` or ""), the client joins without a token.
   *
   * @default none
   */
  readonly getToken?: GetToken | undefined;
  /**
   * How frames travel over WebSocket: `proto` of `proto.ts` makes them binary, and so smaller.
   *
   * @default JSON
   */
  readonly dialect?: Dialect | undefined;
  /** The constructor of WebSockets. @default the platform's */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** What SSE and its POSTs are made with. @default the platform's */
  readonly fetch?: typeof fetch | undefined;
}

/** Options with everything settled. */
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
 * Fills in what was left out, or is `undefined`.
 *
 * @throws TypeError for an invalid option, and if the runtime lacks something that no option replaces
 */
export function settle(options: JoinOptions): Settings {
  const settings = {
    mode: "list" as const,
    view: false,
    transports: ["websocket", "sse"] as const,
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
  if (transports.length === 0) throw new TypeError("transports is empty; name websocket, sse or both");
  const lacks = {
    websocket: typeof WebSocket !== "function" && "no WebSocket (Node.js has one from version 22)",
    // React Native's `fetch` responds when a stream is over, and its body cannot be read as a stream.
    sse: !hasOwnFetch && !("body" in (globalThis.Response?.prototype ?? {})) && "no fetch that can stream",
  };
  const found = transports.filter((name) => lacks[name] === false);
  if (found.length > 0) return found;
  const missing = transports.map((name) => lacks[name]).join(" and ");
  throw new TypeError(`this runtime has ${missing}; pass the option WebSocket or fetch`);
}
