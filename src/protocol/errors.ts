import type { CloseName } from "./close-codes.ts";

/**
 * What a client does about an error: change the request, wait and repeat it, get a new token, join again, or give up.
 * An error that carries `retryAfterMs` is temporary, whatever its row says.
 */
export type ErrorRecovery = "fix" | "wait" | "renew" | "come back" | "stay away";

/**
 * Which rejected frames count against `maxRefusals` (rule L2). `always`: every one, because a client that follows the
 * protocol never gets this error. `in excess`: those that a budget rejects although it allows for delayed
 * frames (`src/limits`).
 */
export type AbuseRule = "always" | "in excess";

/** One row of {@link ERRORS}. */
export interface ErrorRow {
  /** Permanent; never reused. */
  readonly number: number;
  /** The status of an HTTP answer that carries this error. */
  readonly http: number;
  readonly recovery: ErrorRecovery;
  /** How a join refused with this error is closed; absent where a join cannot meet it. */
  readonly close?: CloseName;
  /** Absent if the sender could not know the cause when it sent the frame. The frame is then only charged. */
  readonly abuse?: AbuseRule;
  /** One plain sentence; a more exact one may stand in its place on the wire. */
  readonly text: string;
}

/**
 * Every refusal, over HTTP and in frames. Add a row here and nowhere else: PROTOCOL.md's table is generated from
 * this one.
 */
export const ERRORS = {
  bad_frame: {
    number: 100,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "the frame is not valid JSON of this protocol",
  },
  unknown_type: { number: 101, http: 400, recovery: "fix", text: "the frame's type is not known here" },
  binary_frame: {
    number: 102,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "this dialect has no binary frames",
  },
  frame_too_large: {
    number: 103,
    http: 413,
    recovery: "fix",
    abuse: "always",
    text: "the frame is larger than maxFrameBytes",
  },
  too_many_items: {
    number: 104,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "an array holds at most 64 messages",
  },
  presence_too_large: {
    number: 105,
    http: 413,
    recovery: "fix",
    close: "bad_protocol",
    abuse: "always",
    text: "presence data is larger than maxPresenceBytes",
  },
  bad_request: {
    number: 110,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "the request is not understood",
  },
  bad_room: {
    number: 111,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "a room's name is 1-128 characters of A-Z a-z 0-9 _ . ~ : - and neither . nor ..",
  },
  unknown_kind: {
    number: 112,
    http: 404,
    recovery: "wait",
    close: "not_now",
    text: "no kind of room has the name before the first colon",
  },
  bad_key: {
    number: 113,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "a key is 22 characters of base64url, 128 random bits",
  },
  version: {
    number: 114,
    http: 400,
    recovery: "stay away",
    close: "version",
    text: "offer the subprotocol parlor.v1",
  },
  not_found: { number: 115, http: 404, recovery: "fix", text: "nothing is served at this address" },
  method_not_allowed: {
    number: 116,
    http: 405,
    recovery: "fix",
    text: "this address does not take that method",
  },
  bad_session: {
    number: 120,
    http: 403,
    recovery: "fix",
    text: "the session does not belong to this key, room and user",
  },
  not_joined: {
    number: 121,
    http: 409,
    recovery: "come back",
    text: "the session is not a member of the room",
  },
  closed_for_good: {
    number: 122,
    http: 403,
    recovery: "stay away",
    text: "this stream was ended with a close that says to stay away",
  },
  view_only: {
    number: 123,
    http: 403,
    recovery: "fix",
    abuse: "always",
    text: "the connection only watches",
  },
  unknown_member: {
    number: 124,
    http: 404,
    recovery: "fix",
    text: "a member that the message is addressed to is not in the room",
  },
  conflict: {
    number: 125,
    http: 409,
    recovery: "fix",
    text: "a key does not have the version that was expected",
  },
  not_owner: { number: 126, http: 403, recovery: "fix", text: "the key belongs to another member" },
  state_full: { number: 127, http: 413, recovery: "fix", text: "the room's state holds no more" },
  stale_ref: {
    number: 128,
    http: 409,
    recovery: "fix",
    text: "the ref is older than the room remembers",
  },
  refused: {
    number: 129,
    http: 403,
    recovery: "fix",
    close: "forbidden",
    text: "the room's rules do not allow this",
  },
  rate_limited: {
    number: 130,
    http: 429,
    recovery: "wait",
    close: "overloaded",
    abuse: "in excess",
    text: "a budget is spent",
  },
  room_full: {
    number: 131,
    http: 503,
    recovery: "wait",
    close: "overloaded",
    text: "the room holds no more members",
  },
  muted: {
    number: 132,
    http: 429,
    recovery: "wait",
    text: "too much was refused; nothing is taken for a while",
  },
  banned: {
    number: 133,
    http: 403,
    recovery: "wait",
    close: "not_now",
    text: "the sender was recently closed for abuse; retry later",
  },
  room_busy: {
    number: 134,
    http: 503,
    recovery: "wait",
    close: "overloaded",
    text: "too many join the room at once",
  },
  superseded: {
    number: 135,
    http: 409,
    recovery: "come back",
    close: "superseded",
    text: "the session has a newer connection than the one that sent this",
  },
  token_missing: {
    number: 150,
    http: 401,
    recovery: "fix",
    close: "forbidden",
    text: "this room asks for a token",
  },
  token_expired: {
    number: 151,
    http: 401,
    recovery: "renew",
    close: "token_expired",
    text: "the token has expired",
  },
  token_invalid: {
    number: 152,
    http: 401,
    recovery: "stay away",
    close: "forbidden",
    text: "the token is not accepted here",
  },
  forbidden: {
    number: 153,
    http: 403,
    recovery: "fix",
    close: "forbidden",
    text: "the token does not allow this",
  },
  origin_not_allowed: {
    number: 154,
    http: 403,
    recovery: "stay away",
    close: "forbidden",
    text: "pages of this origin may not use this server",
  },
  token_revoked: {
    number: 155,
    http: 401,
    recovery: "stay away",
    close: "forbidden",
    text: "the token, or its user, has been revoked",
  },
  ticket_used: {
    number: 156,
    http: 401,
    recovery: "stay away",
    close: "forbidden",
    text: "the ticket is another session's",
  },
  ticket_expired: {
    number: 157,
    http: 401,
    recovery: "stay away",
    close: "forbidden",
    text: "the ticket has expired; request another one",
  },
  unavailable: {
    number: 140,
    http: 503,
    recovery: "wait",
    close: "overloaded",
    text: "the room did not take this now; repeat it",
  },
  internal: {
    number: 141,
    http: 500,
    recovery: "wait",
    close: "restart",
    text: "something went wrong in the server",
  },
} as const satisfies Record<string, ErrorRow>;

/** How long to wait where an error says to and nothing more exact is known, in milliseconds. */
export const DEFAULT_WAIT_MS = 2_000;

/** The permanent name of an error, the `code` of an error frame. */
export type ErrorCode = keyof typeof ERRORS;

/** An error as data, before it is a frame or an HTTP answer. */
export interface WireError {
  readonly code: ErrorCode;
  /** Replaces the table's sentence with a more exact one. */
  readonly message?: string;
  /** How long to wait before the same request can succeed, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The option whose bound was met. */
  readonly limit?: string;
  /** The versions that the keys compared have. */
  readonly versions?: Readonly<Record<string, number>>;
  /** With `superseded`: the attempt number of the session's newest connection. */
  readonly try?: number;
  /** The act that is refused, where it had one. */
  readonly ref?: number;
  /** Whether it counts as abuse, if its row does not decide that. Never sent. */
  readonly isAbuse?: boolean;
}
