import type { CloseName } from "./close-codes.ts";

/**
 * What a client does about an error (rule E2): change the request, wait and repeat it, repeat it with a new token, join
 * again first, or give up. An error that carries `retryAfterMs` is temporary, whatever its row says.
 */
export type ErrorRecovery = "fix" | "wait" | "renew" | "reconnect" | "do not retry";

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
  /** The status of an HTTP response that carries this error. */
  readonly http: number;
  readonly recovery: ErrorRecovery;
  /** The close of a join that is rejected with this error; absent if no join can be. */
  readonly close?: CloseName;
  /** Absent if the sender could not know the cause when it sent the frame. The frame is then only charged. */
  readonly abuse?: AbuseRule;
  /** One sentence in lower case, without a period. The wire may carry a more exact one instead. */
  readonly text: string;
}

/**
 * Every error, over HTTP and in frames. Add a row here and nowhere else: PROTOCOL.md's table is generated from this
 * one.
 */
export const ERRORS = {
  bad_frame: {
    number: 100,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "the frame is not valid JSON of this protocol; send an object with a type, or an array of them, at most 64 levels deep",
  },
  unknown_type: {
    number: 101,
    http: 400,
    recovery: "fix",
    text: "the frame's type is not known to this server",
  },
  binary_frame: {
    number: 102,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "this dialect has no binary frames; send text, or offer the subprotocol parlor.v1.proto",
  },
  frame_too_large: {
    number: 103,
    http: 413,
    recovery: "fix",
    abuse: "always",
    text: "the frame is larger than maxFrameBytes; send less, or several frames",
  },
  too_many_items: {
    number: 104,
    http: 400,
    recovery: "fix",
    abuse: "always",
    text: "the frame has more than 64 messages; send several frames",
  },
  presence_too_large: {
    number: 105,
    http: 413,
    recovery: "fix",
    close: "bad_protocol",
    abuse: "always",
    text: "presence data is larger than maxPresenceBytes; send less",
  },
  invalid_data: {
    number: 106,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "the data does not match the room's schema for it",
  },
  bad_request: {
    number: 110,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "the request is malformed",
  },
  bad_room: {
    number: 111,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "a room name must be 1-128 characters of A-Z a-z 0-9 _ . ~ : - and neither . nor ..",
  },
  unknown_kind: {
    number: 112,
    http: 404,
    recovery: "wait",
    close: "not_now",
    text: "the server has no kind with the name before the first colon of the room name; retry later",
  },
  bad_key: {
    number: 113,
    http: 400,
    recovery: "fix",
    close: "bad_protocol",
    text: "a key must be 22 characters of base64url (128 random bits)",
  },
  version: {
    number: 114,
    http: 400,
    recovery: "do not retry",
    close: "version",
    text: "none of the offered subprotocols is supported; offer parlor.v1",
  },
  not_found: {
    number: 115,
    http: 404,
    recovery: "fix",
    text: "nothing is served at this path; rooms are at /rooms/{name}",
  },
  method_not_allowed: {
    number: 116,
    http: 405,
    recovery: "fix",
    text: "this path does not support that method",
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
    recovery: "reconnect",
    text: "the session is not a member of the room; join first",
  },
  closed_for_good: {
    number: 122,
    http: 403,
    recovery: "do not retry",
    text: "the stream was closed for good; do not reconnect",
  },
  view_only: {
    number: 123,
    http: 403,
    recovery: "fix",
    abuse: "always",
    text: "the connection only watches; join without view=1 to act",
  },
  unknown_member: {
    number: 124,
    http: 404,
    recovery: "fix",
    text: "an addressee of the message is not a member of the room",
  },
  conflict: {
    number: 125,
    http: 409,
    recovery: "fix",
    text: "a key does not have the expected version; read it again and retry",
  },
  not_owner: { number: 126, http: 403, recovery: "fix", text: "the key belongs to another member" },
  state_full: {
    number: 127,
    http: 413,
    recovery: "fix",
    text: "the change would exceed maxStateKeys or maxStateBytes",
  },
  stale_ref: {
    number: 128,
    http: 409,
    recovery: "fix",
    text: "the ref is older than the room remembers; use a higher ref",
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
    text: "a budget is spent; retry later",
  },
  room_full: {
    number: 131,
    http: 503,
    recovery: "wait",
    close: "overloaded",
    text: "the room accepts no more connections now; retry later",
  },
  muted: {
    number: 132,
    http: 429,
    recovery: "wait",
    text: "the session is muted because too many of its frames were rejected; retry later",
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
    text: "too many clients join the room at once; retry later",
  },
  superseded: {
    number: 135,
    http: 409,
    recovery: "reconnect",
    close: "superseded",
    text: "the session has a newer connection than the one that sent this",
  },
  token_missing: {
    number: 150,
    http: 401,
    recovery: "fix",
    close: "forbidden",
    text: "this room needs a token; pass getToken to joinRoom, or send it as Authorization: Bearer {token} or as the subprotocol bearer.{token}",
  },
  token_expired: {
    number: 151,
    http: 401,
    recovery: "renew",
    close: "token_expired",
    text: "the token has expired; get a new one",
  },
  token_invalid: {
    number: 152,
    http: 401,
    recovery: "do not retry",
    close: "forbidden",
    text: "the server does not accept the token",
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
    recovery: "do not retry",
    close: "forbidden",
    text: "pages of this origin may not use this server",
  },
  token_revoked: {
    number: 155,
    http: 401,
    recovery: "do not retry",
    close: "forbidden",
    text: "the token or its user has been revoked",
  },
  ticket_used: {
    number: 156,
    http: 401,
    recovery: "do not retry",
    close: "forbidden",
    text: "the ticket belongs to another session; request another one",
  },
  ticket_expired: {
    number: 157,
    http: 401,
    recovery: "do not retry",
    close: "forbidden",
    text: "the ticket has expired; request another one",
  },
  unavailable: {
    number: 140,
    http: 503,
    recovery: "wait",
    close: "overloaded",
    text: "the room could not process this now; retry later",
  },
  internal: {
    number: 141,
    http: 500,
    recovery: "wait",
    close: "restart",
    text: "the server failed to process this; retry later",
  },
} as const satisfies Record<string, ErrorRow>;

/** The `retryAfterMs` of an error whose row says `wait`, unless a more exact time is known. */
export const DEFAULT_WAIT_MS = 2_000;

/** The permanent name of an error, the `code` of an error frame. */
export type ErrorCode = keyof typeof ERRORS;

/** An error as data, before it becomes a frame or an HTTP response. */
export interface WireError {
  readonly code: ErrorCode;
  /** A more exact sentence than the table's. */
  readonly message?: string;
  /** The milliseconds after which the same request may succeed. */
  readonly retryAfterMs?: number;
  /** The option whose limit was reached. */
  readonly limit?: string;
  /** The current versions of the compared keys. */
  readonly versions?: Readonly<Record<string, number>>;
  /** With `superseded`: the attempt number of the session's newest connection. */
  readonly try?: number;
  /** The ref of the rejected act, if it had one. */
  readonly ref?: number;
  /** Whether it counts as abuse, if its row does not decide. Never sent. */
  readonly isAbuse?: boolean;
}
