/** What a client does after a close: connect again with its position, or never by itself. */
export type CloseRecovery = "come back" | "stay away";

/** One row of {@link CLOSE_CODES}. */
export interface CloseCodeRow {
  readonly code: number;
  readonly recovery: CloseRecovery;
  /** The close reason as sent: lower case, no period, at most 123 UTF-8 bytes (RFC 6455 section 5.5). */
  readonly text: string;
}

/**
 * Why the server ends a connection. The range says what to do, so that a client needs no update for a new code:
 * 4000-4499 come back, 4500-4999 stay away. Numbers are permanent. PROTOCOL.md's table is generated from this one.
 */
export const CLOSE_CODES = {
  restart: { code: 4000, recovery: "come back", text: "the room restarts" },
  token_expired: { code: 4001, recovery: "come back", text: "token expired" },
  silent: { code: 4002, recovery: "come back", text: "nothing was heard for too long" },
  slow: { code: 4003, recovery: "come back", text: "the member reads too slowly" },
  upgrade: {
    code: 4004,
    recovery: "come back",
    text: "the connection belongs to another version of the server",
  },
  overloaded: { code: 4005, recovery: "come back", text: "no room for another member now" },
  rotated: { code: 4006, recovery: "come back", text: "the stream has served its time" },
  not_now: { code: 4007, recovery: "come back", text: "not accepted now; try again later" },
  superseded: {
    code: 4008,
    recovery: "come back",
    text: "the session has a newer connection than this attempt",
  },
  bad_protocol: { code: 4500, recovery: "stay away", text: "the request does not follow the protocol" },
  kicked: { code: 4501, recovery: "stay away", text: "removed from the room" },
  version: { code: 4502, recovery: "stay away", text: "none of the offered subprotocols is spoken here" },
  forbidden: { code: 4503, recovery: "stay away", text: "not allowed in this room" },
  replaced: { code: 4504, recovery: "stay away", text: "another connection of this session took over" },
  abuse: { code: 4505, recovery: "stay away", text: "too many refused frames" },
  room_closed: { code: 4506, recovery: "stay away", text: "the room is closed" },
  left: { code: 4507, recovery: "stay away", text: "the member left" },
} as const satisfies Record<string, CloseCodeRow>;

/** The permanent name of a close code. */
export type CloseName = keyof typeof CLOSE_CODES;

/** Whether a client may connect again by itself after a close with this code. Codes below 4000 are the network's. */
export function mayComeBack(code: number): boolean {
  return code < 4500;
}
