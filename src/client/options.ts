import type { PresenceMode } from "../protocol/contract.ts";
import { isKey, randomKey } from "../protocol/ids.ts";
import type { BackoffBounds } from "./backoff.ts";
import type { Dialect } from "./dialect.ts";
import type { Means } from "./dials.ts";
import type { TransportName } from "./transport.ts";
import type { WebSocketConstructor } from "./websocket-transport.ts";

/** How to join a room. Everything may be left out. */
export interface JoinOptions {
  /**
   * Who one is: 22 characters of base64url, 128 random bits. The same key in the same room is the same member, so an
   * application that saves {@link Room.key} comes back as who it was. It is a secret, and for one connection at a
   * time: of two tabs with one key, the older is closed `replaced`. If it is younger than a minute, it first tries once to
   * come back.
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
   * that fails, up to half of the outage where the connection had lasted for ten seconds. What the server asks for is
   * added.
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
   * connection goes on with the new one. One that rejects is an attempt that failed, and is asked again.
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
export interface Settings extends BackoffBounds, Means {
  readonly key: string;
  readonly position: string | undefined;
  readonly rewind: number | undefined;
  readonly presence: unknown;
  readonly mode: PresenceMode;
  readonly view: boolean;
  readonly transports: readonly TransportName[];
  readonly connectTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly maxPendingActs: number;
}

/** Gives a token: a JSON Web Token that the application's own backend has signed. */
export type GetToken = () => string | Promise<string>;

/**
 * Fills in what was left out, or is `undefined`.
 *
 * @throws TypeError for a key or a list of transports that cannot be used
 */
export function settle(options: JoinOptions): Settings {
  const settings: Settings = {
    key: randomKey(),
    position: undefined,
    rewind: undefined,
    presence: undefined,
    mode: "list",
    view: false,
    transports: ["websocket", "sse"],
    connectTimeoutMs: 10_000,
    minReconnectDelayMs: 1_000,
    maxReconnectDelayMs: 30_000,
    pingTimeoutMs: 10_000,
    maxPendingActs: 1_000,
    getToken: undefined,
    WebSocket: globalThis.WebSocket,
    dialect: undefined,
    fetch: (input, init) => globalThis.fetch(input, init),
  };
  Object.assign(
    settings,
    Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  );
  if (!isKey(settings.key)) throw new TypeError("key is not 22 characters of base64url");
  if (settings.transports.length === 0) throw new TypeError("transports is empty");
  return settings;
}
