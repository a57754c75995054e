import type { NumberOption } from "./options.ts";

/** The options of a room that bound what its clients leave unread: a kind may set its own. */
export const UNREAD_OPTIONS = {
  windowChars: {
    env: "WINDOW_CHARS",
    unit: "characters",
    default: 262_144,
    min: 65_536,
    max: 1_048_576,
    scope: "kind",
    text: "What may wait to be read by a connection that says what it has read; beyond half of it volatile messages are left out, beyond it the log is sent as fast as it reads",
  },
  slowTimeoutMs: {
    env: "SLOW_TIMEOUT_MS",
    unit: "ms",
    default: 60_000,
    min: 15_000,
    max: 3_600_000,
    scope: "kind",
    text: "A connection whose window is full and that reads nothing for so long is closed `slow`",
  },
  allowanceChars: {
    env: "ALLOWANCE_CHARS",
    unit: "characters",
    default: 1_048_576,
    min: 65_536,
    max: 16_777_216,
    scope: "kind",
    text: "Maximum sent to a WebSocket beyond its welcome where the runtime does not report how much is queued (workerd before 2026-11-17): then it is closed `slow`, to resume. Nothing proves there that it reads",
  },
  maxBufferedBytes: {
    env: "MAX_BUFFERED_BYTES",
    unit: "bytes",
    default: 2_097_152,
    min: 65_536,
    max: 67_108_864,
    scope: "kind",
    text: "In place of `allowanceChars` where the runtime reports how much is queued (workerd from 2026-11-17 on): a WebSocket that does not say what it has read and leaves more queued, beyond its welcome, is closed `slow`",
  },
  maxUnreadBytes: {
    env: "MAX_UNREAD_BYTES",
    unit: "bytes",
    default: 33_554_432,
    min: 1_048_576,
    max: 100_663_296,
    scope: "kind",
    text: "Maximum unread data of all connections of a room, those that it has closed included; an object has 128 MB. Beyond half of it joins are rejected with `room_busy` and each connection may leave less unread; a source (user, or address of an anonymous client) that causes a quarter of it cannot join (`room_full`)",
  },
  maxClosing: {
    env: "MAX_CLOSING",
    unit: "connections",
    default: 4_096,
    min: 1,
    max: 20_000,
    scope: "kind",
    text: "Maximum connections that a room has closed and whose clients have not answered the close. A further join is rejected with `room_full`, and one from a source with a quarter of them sooner. An object accepts 32,768 sockets in all",
  },
} as const satisfies Record<string, NumberOption & { readonly scope: "kind" }>;
