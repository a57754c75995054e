/** What a client does after a close (rule C1): join again with its position, or not reconnect automatically. */
export type CloseRecovery = "reconnect" | "do not retry";

/** One row of {@link CLOSE_CODES}. */
export interface CloseCodeRow {
  readonly code: number;
  readonly recovery: CloseRecovery;
  /** The close reason as sent: lower case, no period, at most 123 UTF-8 bytes (RFC 6455 section 5.5). */
  readonly text: string;
}

/**
 * Why the server ends a connection. The range of a code says what to do, so a client needs no update for a new code:
 * 4000-4499 reconnect, 4500-4999 do not retry. Numbers are permanent. PROTOCOL.md's table is generated from this one.
 */
export const CLOSE_CODES = {
  restart: { code: 4000, recovery: "reconnect", text: "the room is restarting; reconnect" },
  token_expired: {
    code: 4001,
    recovery: "reconnect",
    text: "the token has expired; reconnect with a new one",
  },
  silent: {
    code: 4002,
    recovery: "reconnect",
    text: "no frame or ping arrived within silenceTimeoutMs; reconnect",
  },
  slow: { code: 4003, recovery: "reconnect", text: "the client reads too slowly; reconnect to resume" },
  upgrade: {
    code: 4004,
    recovery: "reconnect",
    text: "the connection belongs to a newer version of the server; reconnect",
  },
  overloaded: {
    code: 4005,
    recovery: "reconnect",
    text: "the server accepts no further connection now; retry later",
  },
  rotated: { code: 4006, recovery: "reconnect", text: "stream rotated; reconnect to resume" },
  not_now: { code: 4007, recovery: "reconnect", text: "not accepted now; retry later" },
  superseded: {
    code: 4008,
    recovery: "reconnect",
    text: "the session has a newer connection than this attempt",
  },
  bad_protocol: { code: 4500, recovery: "do not retry", text: "the request does not follow the protocol" },
  kicked: { code: 4501, recovery: "do not retry", text: "removed from the room" },
  version: {
    code: 4502,
    recovery: "do not retry",
    text: "none of the offered subprotocols is supported; offer parlor.v1",
  },
  forbidden: { code: 4503, recovery: "do not retry", text: "not allowed in this room" },
  replaced: {
    code: 4504,
    recovery: "do not retry",
    text: "a newer connection of this session replaced this one",
  },
  abuse: { code: 4505, recovery: "do not retry", text: "too many rejected frames" },
  room_closed: { code: 4506, recovery: "do not retry", text: "the room is closed" },
  left: { code: 4507, recovery: "do not retry", text: "the member left the room" },
} as const satisfies Record<string, CloseCodeRow>;

/** The permanent name of a close code. */
export type CloseName = keyof typeof CLOSE_CODES;

/** Whether a client may reconnect automatically after a close with this code. Codes below 4000 come from the network. */
export function mayReconnect(code: number): boolean {
  return code < 4500;
}
