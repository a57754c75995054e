import type { NumberOption } from "./option-types.ts";

/** The options that limit what the clients of a room leave unread. A kind may set its own. */
export const UNREAD_OPTIONS = {
  windowChars: {
    env: "WINDOW_CHARS",
    unit: "characters",
    default: 262_144,
    min: 65_536,
    max: 1_048_576,
    scope: "kind",
    text: "Flow-control window: maximum unread characters of a connection that reports how much it has read. Beyond half of it, the room sends the connection no volatile messages. When it is full, the room sends only the log, as fast as the client reads",
  },
  slowTimeoutMs: {
    env: "SLOW_TIMEOUT_MS",
    unit: "ms",
    default: 60_000,
    min: 15_000,
    max: 3_600_000,
    scope: "kind",
    text: "How long a connection whose flow-control window is full may read nothing. Then it is closed with `slow`",
  },
  allowanceChars: {
    env: "ALLOWANCE_CHARS",
    unit: "characters",
    default: 1_048_576,
    min: 65_536,
    max: 16_777_216,
    scope: "kind",
    text: "Maximum characters sent to one WebSocket beyond its welcome, where the runtime does not report how much is queued (workerd before 2026-11-17). Then the connection is closed with `slow`, and the client resumes. On such a runtime the room does not know whether the client reads",
  },
  maxBufferedBytes: {
    env: "MAX_BUFFERED_BYTES",
    unit: "bytes",
    default: 2_097_152,
    min: 65_536,
    max: 67_108_864,
    scope: "kind",
    text: "Maximum queued bytes, beyond the welcome, of a WebSocket whose client does not report how much it has read. Then the connection is closed with `slow`. Used instead of `allowanceChars` where the runtime reports how much is queued (workerd from 2026-11-17 on)",
  },
  maxUnreadBytes: {
    env: "MAX_UNREAD_BYTES",
    unit: "bytes",
    default: 33_554_432,
    min: 1_048_576,
    max: 100_663_296,
    scope: "kind",
    text: "Maximum unread bytes of all connections of a room, including those that it has closed. An object has 128 MB. Beyond half of this number, joins of new sessions are rejected with `room_busy`, and each connection may leave less unread. Joins from a source (a user, or the address of an anonymous client) that causes a quarter of it are rejected with `room_full`. Must be at least `maxBufferedBytes`, and at least twice the largest welcome: `presenceListMax` times `maxPresenceBytes`, plus `maxStateBytes`, plus three times `keptVolatileChars`",
  },
  maxClosing: {
    env: "MAX_CLOSING",
    unit: "connections",
    default: 4_096,
    min: 1,
    max: 20_000,
    scope: "kind",
    text: "Maximum connections that a room has closed and whose clients have not answered the close. A further join of a new session is rejected with `room_full`. A source that caused a quarter of them in the last minute is rejected earlier. An object accepts at most 32,768 sockets",
  },
} as const satisfies Record<string, NumberOption & { readonly scope: "kind" }>;
