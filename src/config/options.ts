/** A whole number with bounds, set by a variable of the Worker, or per kind in `src/rooms.ts`. */
export interface NumberOption {
  readonly env: string;
  readonly unit: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** `kind`: a kind may set its own; `server`: one for all. */
  readonly scope: "kind" | "server";
  readonly text: string;
}

/** One of a few words, set by a variable of the Worker. */
export interface ChoiceOption {
  readonly env: string;
  readonly unit: string;
  readonly default: string;
  readonly values: readonly string[];
  readonly scope: "server";
  readonly text: string;
}

/**
 * Every option there is. README's table is generated from this one.
 *
 * A default of Parlor's own choosing has its reason in the text; a bound set by the platform names it.
 */
export const OPTIONS = {
  maxFrameBytes: {
    env: "MAX_FRAME_BYTES",
    unit: "bytes",
    default: 65_536,
    min: 1_024,
    max: 524_288,
    scope: "kind",
    text: "Largest frame or POST body a client may send. A stored row stays under 1 MiB, hence the bound",
  },
  maxMembers: {
    env: "MAX_MEMBERS",
    unit: "members",
    default: 1_000,
    min: 1,
    max: 10_000,
    scope: "kind",
    text: "Members in one room at a time; one more is refused `room_full`",
  },
  maxPresenceBytes: {
    env: "MAX_PRESENCE_BYTES",
    unit: "bytes",
    default: 1_024,
    min: 0,
    max: 6_144,
    scope: "kind",
    text: "Largest presence data of a member; a welcome carries everyone's, so `maxMembers` times this is at most 16 MiB",
  },
  messagesPerSecond: {
    env: "MESSAGES_PER_SECOND",
    unit: "messages/s",
    default: 60,
    min: 1,
    max: 1_000,
    scope: "kind",
    text: "What a session may send for as long as it likes: cursors at 30 Hz and as much again",
  },
  messagesBurst: {
    env: "MESSAGES_BURST",
    unit: "messages",
    default: 120,
    min: 1,
    max: 10_000,
    scope: "kind",
    text: "What a session may send at once; at most ten seconds' worth, so that a room that slept has nothing to remember",
  },
  bytesPerSecond: {
    env: "BYTES_PER_SECOND",
    unit: "bytes/s",
    default: 65_536,
    min: 1_024,
    max: 16_777_216,
    scope: "kind",
    text: "Bytes a session may send for as long as it likes",
  },
  bytesBurst: {
    env: "BYTES_BURST",
    unit: "bytes",
    default: 262_144,
    min: 1_024,
    max: 67_108_864,
    scope: "kind",
    text: "Bytes a session may send at once: at least `maxFrameBytes`, at most ten seconds' worth",
  },
  maxRefusals: {
    env: "MAX_REFUSALS",
    unit: "refusals",
    default: 100,
    min: 1,
    max: 10_000,
    scope: "kind",
    text: "Refused messages of a session within ten seconds before it is closed `abuse`",
  },
  historyMaxMessages: {
    env: "HISTORY_MAX_MESSAGES",
    unit: "messages",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    scope: "kind",
    text: "Recorded messages that can be resumed over; older ones are gone",
  },
  historyMaxBytes: {
    env: "HISTORY_MAX_BYTES",
    unit: "bytes",
    default: 16_777_216,
    min: 1_048_576,
    max: 1_073_741_824,
    scope: "kind",
    text: "Bytes of recorded messages that are kept; a room's whole storage ends at 10 GB, and a replay passes through its memory",
  },
  historyMaxAgeMs: {
    env: "HISTORY_MAX_AGE_MS",
    unit: "ms",
    default: 2_592_000_000,
    min: 60_000,
    max: 31_536_000_000,
    scope: "kind",
    text: "How long recorded messages are kept: 30 days",
  },
  maxBufferedBytes: {
    env: "MAX_BUFFERED_BYTES",
    unit: "bytes",
    default: 2_097_152,
    min: 65_536,
    max: 67_108_864,
    scope: "kind",
    text: "A WebSocket that leaves more unread is closed `slow`, to resume; 4 MB keep a room awake. Where the runtime tells how much is buffered (workerd from 2026-11-17 on)",
  },
  emptyRoomTtlMs: {
    env: "EMPTY_ROOM_TTL_MS",
    unit: "ms",
    default: 2_592_000_000,
    min: 60_000,
    max: 31_536_000_000,
    scope: "kind",
    text: "A room that nobody has been in for so long is deleted with all it stored: 30 days",
  },
  graceMs: {
    env: "GRACE_MS",
    unit: "ms",
    default: 10_000,
    min: 0,
    max: 600_000,
    scope: "kind",
    text: "How long a member whose connection was lost stays a member, for it to come back unnoticed; at most 15 s more, since deadlines are gathered",
  },
  silenceTimeoutMs: {
    env: "SILENCE_TIMEOUT_MS",
    unit: "ms",
    default: 150_000,
    min: 60_000,
    max: 3_600_000,
    scope: "kind",
    text: "A connection not heard of for so long is closed `silent`; hidden browser tabs run timers once a minute",
  },
  pingIntervalMs: {
    env: "PING_INTERVAL_MS",
    unit: "ms",
    default: 25_000,
    min: 5_000,
    max: 600_000,
    scope: "kind",
    text: "How often clients are told to ping; pings cost nothing and wake nothing. At most half of `silenceTimeoutMs`",
  },
  sseHeartbeatMs: {
    env: "SSE_HEARTBEAT_MS",
    unit: "ms",
    default: 20_000,
    min: 1_000,
    max: 25_000,
    scope: "server",
    text: "A comment on every SSE stream this often: only a write shows that the reader has gone",
  },
  sseRetryMs: {
    env: "SSE_RETRY_MS",
    unit: "ms",
    default: 1_000,
    min: 100,
    max: 60_000,
    scope: "server",
    text: "The least an EventSource is told to wait before it comes back; each is told up to twice that",
  },
  sseMaxAgeMs: {
    env: "SSE_MAX_AGE_MS",
    unit: "ms",
    default: 1_800_000,
    min: 10_000,
    max: 86_400_000,
    scope: "server",
    text: "An SSE stream older than this ends, to be resumed: the CPU of a Worker's request is bounded (30 s)",
  },
  sseMaxFrames: {
    env: "SSE_MAX_FRAMES",
    unit: "frames",
    default: 100_000,
    min: 10,
    max: 10_000_000,
    scope: "server",
    text: "An SSE stream that has carried so many frames ends, to be resumed",
  },
  sseMaxBytes: {
    env: "SSE_MAX_BYTES",
    unit: "characters",
    default: 67_108_864,
    min: 65_536,
    max: 1_073_741_824,
    scope: "server",
    text: "An SSE stream that has carried so much ends, to be resumed",
  },
  sseMaxQueuedBytes: {
    env: "SSE_MAX_QUEUED_BYTES",
    unit: "characters",
    default: 4_194_304,
    min: 65_536,
    max: 67_108_864,
    scope: "server",
    text: "An SSE reader that leaves so much unread is cut off, to resume when it reads again",
  },
  addressLimits: {
    env: "ADDRESS_LIMITS",
    unit: "on or off",
    default: "on",
    values: ["on", "off"],
    scope: "server",
    text: "Whether joins are limited per address, by the binding `JOINS_PER_ADDRESS` of wrangler.toml; `off` for load tests",
  },
  fallbackLocation: {
    env: "FALLBACK_LOCATION",
    unit: "location hint",
    default: "enam",
    values: ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"],
    scope: "server",
    text: "Where a room comes to live whose first request is no join and whose kind has no location",
  },
  logLevel: {
    env: "LOG_LEVEL",
    unit: "level",
    default: "info",
    values: ["debug", "info", "warn", "error"],
    scope: "server",
    text: "The least important lines that are logged",
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>;

type Options = typeof OPTIONS;

/** The value of an option: a number, or one of its words. */
type OptionValue<Row> = Row extends { readonly values: readonly (infer Word)[] } ? Word : number;

/** The value of every option. */
export type OptionValues = { readonly [Name in keyof Options]: OptionValue<Options[Name]> };

/** The options that a kind may set for itself. */
export type KindOptionName = {
  [Name in keyof Options]: Options[Name]["scope"] extends "kind" ? Name : never;
}[keyof Options];

/** The options of a room, once its kind is known. */
export type KindOptions = Pick<OptionValues, KindOptionName>;

/** The options that hold for the whole server. */
export type ServerOptions = Omit<OptionValues, KindOptionName>;
