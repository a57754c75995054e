/** The levels of log lines, in ascending order. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The level of a log line. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The level of counted events. */
export const COUNTED_LEVEL = "info";

/** One row of {@link LOG_EVENTS}. */
interface LogEventRow {
  readonly level: LogLevel;
  /** The fields besides `level` and `event`. A line may lack some of them. */
  readonly fields: readonly string[];
  /** What has happened, in one or two sentences without a final period. */
  readonly text: string;
}

/** A frequent event. One line has the count of many of them, and its other fields divide the counts. */
interface CountedEventRow extends LogEventRow {
  readonly level: typeof COUNTED_LEVEL;
  readonly isCounted: true;
}

/** Every event that the server logs. Add a row here and nowhere else: the table in the documentation is generated from this one. */
export const LOG_EVENTS = {
  turn_failed: {
    level: "error",
    fields: ["room", "reason", "stack"],
    text: "An unexpected error while a room handled an event. The room restarts, and its clients reconnect",
  },
  alarm_failed: {
    level: "error",
    fields: ["room", "reason", "stack"],
    text: "An unexpected error in the alarm of a room. The room restarts, and its clients reconnect",
  },
  append_failed: {
    level: "error",
    fields: ["room", "reason"],
    text: "A room could not store messages or state. The acts were rejected with `unavailable`",
  },
  accept_failed: {
    level: "error",
    fields: ["room", "reason"],
    text: "The platform did not accept a WebSocket. The join was rejected with `room_full`",
  },
  hook_failed: {
    level: "error",
    fields: ["hook", "kind", "room", "reason"],
    text: "A hook of a kind threw an error or returned an invalid answer. What the hook checks was rejected with `internal`",
  },
  request_failed: {
    level: "error",
    fields: ["reason", "stack"],
    text: "An unexpected error in the Worker. The request was rejected with `internal`",
  },
  room_unavailable: {
    level: "warn",
    fields: ["reason"],
    text: "The Worker could not reach a Durable Object. The request was rejected with `unavailable`",
  },
  config_doubtful: {
    level: "warn",
    fields: ["problem"],
    text: "A setting is valid, but probably a mistake",
  },
  no_ratelimit_binding: {
    level: "warn",
    fields: ["effect"],
    text: "`wrangler.toml` lacks the binding of a rate limit per address. Each isolate of the Worker counts alone",
  },
  ratelimit_failed: {
    level: "warn",
    fields: ["reason"],
    text: "The platform's rate limiter failed. The request was allowed",
  },
  revoked: {
    level: "info",
    fields: ["kind"],
    text: "An operator revoked a token (`token`) or all tokens of a user (`user`)",
  },
  refused: {
    level: COUNTED_LEVEL,
    fields: ["room", "at", "code", "limit", "count"],
    text: "Joins, requests and messages that were rejected, by error code and by the limit that was reached",
    isCounted: true,
  },
  penalised: {
    level: COUNTED_LEVEL,
    fields: ["room", "penalty", "count"],
    text: "Members that were muted (`mute`), or closed and banned (`ban`), because too many of their messages were rejected",
    isCounted: true,
  },
  room_loaded: {
    level: "debug",
    fields: ["room"],
    text: "A room was loaded into memory: at its first use, and after it has slept, restarted or moved",
  },
  room_expired: {
    level: "debug",
    fields: ["room"],
    text: "A room was deleted because nobody had joined or watched it for `emptyRoomTtlMs`",
  },
  jurisdiction_ignored: {
    level: "debug",
    fields: ["jurisdiction", "reason"],
    text: "The local runtime does not support the jurisdiction of a room, and stores the room on this machine",
  },
} as const satisfies Record<string, LogEventRow | CountedEventRow>;

/** The name of a log event. */
export type LogEvent = keyof typeof LOG_EVENTS;

/** The names of an event's fields. */
type FieldOf<Event extends LogEvent> = (typeof LOG_EVENTS)[Event]["fields"][number];

/** The fields of a log line besides its event: plain values, never a secret, a key or the data of a message. */
export type LogFields<Event extends LogEvent = LogEvent> = Readonly<
  Partial<Record<FieldOf<Event>, string | number | undefined>>
>;

/** The name of a counted event. */
export type CounterName = {
  [Event in LogEvent]: (typeof LOG_EVENTS)[Event] extends { readonly isCounted: true } ? Event : never;
}[LogEvent];

/** Whose counts a line has: those of a room, or of the Worker. */
export type CountsOf = { readonly room: string | undefined } | { readonly at: "edge" };

/** The labels of a count: a value for each label, absent if it has none. */
export type Labels<Name extends CounterName> = Readonly<
  Partial<Record<Exclude<FieldOf<Name>, "room" | "at" | "count">, string | undefined>>
>;
