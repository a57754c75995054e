import type { HistoryMode, PresenceMode } from "./contract.ts";
import type { ErrorCode } from "./errors.ts";
import type { Json } from "./json.ts";
import type { UnrecoveredReason } from "./positions.ts";

/** The text that keeps a connection alive. The platform replies with {@link PONG} and does not wake the room. */
export const PING = "ping";

/** The reply to {@link PING}, byte for byte. */
export const PONG = '{"type":"pong"}';

/** The maximum messages in one text frame or one POST. */
export const MAX_ITEMS = 64;

/** The maximum length of an `event`, a conflation `key` and a key of the state, in UTF-16 units. */
export const MAX_NAME_CHARS = 64;

/** The maximum addressees of one message. */
export const MAX_ADDRESSEES = 64;

/** The maximum keys of the state that one act may set, delete or compare. */
export const MAX_SET_KEYS = 64;

/** Publishes a message: recorded (stored, ordered, resumable) or volatile (delivered at most once, never stored). */
export interface PublishFrame {
  readonly type: "publish";
  readonly ref?: number;
  readonly event: string;
  /** Null if the message has `bytes`. */
  readonly data: Json;
  /** Instead of data: raw bytes, base64 with padding. */
  readonly bytes?: string;
  readonly volatile: boolean;
  /** Of the volatile messages that wait with this key, only the newest of its sender and event is sent. */
  readonly key?: string;
  /** The addressees, besides the sender; absent for all members. */
  readonly to?: readonly string[];
}

/** Changes keys of the room's state, all or none. Uses maps, because a key may be any string, including `__proto__`. */
export interface SetFrame {
  readonly type: "set";
  readonly ref?: number;
  readonly set: ReadonlyMap<string, Json>;
  readonly delete: readonly string[];
  /** The versions that keys must have; 0 for a key that must be absent. */
  readonly if: ReadonlyMap<string, number>;
  /** Whether the room deletes the keys when the membership of their setter ends. */
  readonly own: boolean;
}

/** Reports how much the client has read on this connection: the length of all frames, in UTF-16 units, or bytes if binary. */
export interface SeenFrame {
  readonly type: "seen";
  readonly chars: number;
}

/** Replaces the member's presence data. */
export interface PresenceUpdateFrame {
  readonly type: "presence";
  readonly ref?: number;
  readonly data: Json;
}

/** Renews the token before it expires; the user stays the same. */
export interface AuthFrame {
  readonly type: "auth";
  readonly ref?: number;
  readonly token: string;
}

/** Ends the membership at once. */
export interface LeaveFrame {
  readonly type: "leave";
  readonly ref?: number;
}

/** The maximum and the default number of messages in a page of history. */
export const HISTORY_LIMIT = { max: 500, default: 50 } as const;

/** The maximum members in a page of the list. */
export const MEMBERS_LIMIT = 1_000;

/** Requests stored messages. Bounds are exclusive. With `after` the page has the first messages, without it the last. */
export interface HistoryRequestFrame {
  readonly type: "history";
  readonly ref?: number;
  readonly after?: number;
  readonly before?: number;
  /** From this time on, Unix milliseconds. */
  readonly since?: number;
  /** Before this time, Unix milliseconds. */
  readonly until?: number;
  readonly limit: number;
}

/** What a client may send. */
export type ClientFrame =
  | PublishFrame
  | SetFrame
  | PresenceUpdateFrame
  | HistoryRequestFrame
  | SeenFrame
  | AuthFrame
  | LeaveFrame;

/** A member as other members receive it. */
export interface MemberEntry {
  readonly id: string;
  /** The verified user; absent for an anonymous member. */
  readonly user?: string;
  /** The `info` of its token. */
  readonly info?: Json;
  /** Its presence data; absent until it sets any. */
  readonly data?: Json;
}

/** Why a member left. */
export type LeaveReason = "left" | "disconnected" | "timeout" | "removed";

/** The room's state: each key with its value and its version, the offset that set it. */
export type StateSnapshot = Readonly<Record<string, readonly [value: Json, version: number]>>;

/** The first frame of every connection. */
export interface WelcomeFrame {
  readonly type: "welcome";
  readonly protocol: number;
  readonly session: string;
  readonly key: string;
  readonly member: string;
  readonly user?: string;
  /** The attempt number of this connection; absent from a server that does not order attempts. */
  readonly try?: number;
  readonly time: number;
  readonly history: HistoryMode;
  readonly position: string;
  readonly head: string;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
  /** Set on a connection that only watches. It is not a member, and cannot publish, set or change presence data. */
  readonly viewOnly?: true;
  readonly mode: PresenceMode;
  /** The revision of the member list. A client that reconnects with the current one is not sent the list again. */
  readonly roster: string;
  readonly count: number;
  /** All members, including this one; absent in the mode `count`, and if the client's list is current. */
  readonly members?: readonly MemberEntry[];
  /** The state as of `stateOffset`; absent if the replay brings it. */
  readonly state?: StateSnapshot;
  readonly stateOffset?: number;
  /** The milliseconds until the token expires. The server then closes the connection. */
  readonly expiresInMs?: number;
  readonly pingIntervalMs: number;
  readonly silenceTimeoutMs: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** A message of a member. A recorded message has an offset, a volatile one does not. */
export interface MessageFrame {
  readonly type: "message";
  readonly offset?: number;
  readonly time: number;
  readonly from: string;
  readonly user?: string;
  /** The addressees; absent if the message is for all members. */
  readonly to?: readonly string[];
  readonly event: string;
  /** Absent if the message has `bytes`. */
  readonly data?: Json;
  /** Instead of data: raw bytes, base64 with padding. */
  readonly bytes?: string;
  /** Set on a volatile message that was sent before this client joined, and kept for it. */
  readonly kept?: true;
}

/** A change of the room's state. It is recorded in the log, in one order with the messages. */
export interface StateFrame {
  readonly type: "state";
  readonly offset: number;
  readonly time: number;
  readonly from: string;
  readonly user?: string;
  readonly set?: Readonly<Record<string, Json>>;
  readonly delete?: readonly string[];
}

/** The members that joined, changed or left since the last presence frame, and the number of members now. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly joined?: readonly MemberEntry[];
  readonly updated?: readonly MemberEntry[];
  readonly left?: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** All members. Replaces the list that the client has. */
  readonly members?: readonly MemberEntry[];
  /** `count` if the client receives only the number of members; `list` when it receives the list again. */
  readonly mode?: PresenceMode;
  /** The revision of the member list after this change. */
  readonly roster: string;
  readonly count: number;
}

/**
 * The client's new position: `replayed` at the end of a replay, `filtered` after messages for other members, `epoch` when
 * the log began again, `polled` at the end of the response to a poll.
 */
export interface PositionFrame {
  readonly type: "position";
  readonly position: string;
  readonly reason: "replayed" | "filtered" | "epoch" | "polled";
}

/** The act with this `ref` took effect; `offset` for a recorded one. */
export interface AckFrame {
  readonly type: "ack";
  readonly ref?: number;
  readonly offset?: number;
  /** With the ack of an `auth`: the milliseconds until the new token expires. */
  readonly expiresInMs?: number;
}

/** An act or a whole frame was rejected. Also the body of every rejected HTTP request. */
export interface ErrorFrame {
  readonly type: "error";
  readonly ref?: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly limit?: string;
  /** With `conflict`: the current versions of the compared keys, 0 for an absent key. */
  readonly versions?: Readonly<Record<string, number>>;
  /** With `superseded`: the attempt number of the session's newest connection. */
  readonly try?: number;
}

/** Stored messages, ascending. `more` is true when further messages may exist beyond the end that was cut. */
export interface HistoryFrame {
  readonly type: "history";
  readonly ref?: number;
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
  /** With `more`: the `after` of the next page, or its `before` if the request goes back from the newest messages. */
  readonly next?: number;
}

/** The reply to an act. */
export type AnswerFrame = AckFrame | ErrorFrame | HistoryFrame;

/** Warns that the token will expire, which ends the connection. */
export interface ExpiringFrame {
  readonly type: "expiring";
  readonly expiresInMs: number;
}

/** The last frame of an SSE stream, which has no close code of its own. */
export interface CloseFrame {
  readonly type: "close";
  readonly code: number;
  readonly reason: string;
}

/** The reply to a ping. */
export interface PongFrame {
  readonly type: "pong";
}

/** What a server may send. An array of these is also one frame. */
export type ServerFrame =
  | WelcomeFrame
  | MessageFrame
  | StateFrame
  | PresenceFrame
  | PositionFrame
  | AckFrame
  | ErrorFrame
  | HistoryFrame
  | ExpiringFrame
  | CloseFrame
  | PongFrame;
