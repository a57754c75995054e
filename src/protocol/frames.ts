import type { HistoryMode, PresenceMode } from "./contract.ts";
import type { ErrorCode } from "./errors.ts";
import type { Json } from "./json.ts";
import type { UnrecoveredReason } from "./positions.ts";

/** The bare text that keeps a connection alive; the platform answers {@link PONG} without waking the room. */
export const PING = "ping";

/** The answer to {@link PING}, byte for byte. */
export const PONG = '{"type":"pong"}';

/** The most messages that one text frame, or one POST, may hold. */
export const MAX_ITEMS = 64;

/** The longest `event`, conflation `key` and key of the state, in UTF-16 units. */
export const MAX_NAME_CHARS = 64;

/** The most members that one message may be addressed to. */
export const MAX_ADDRESSEES = 64;

/** The most keys of the state that one act may set, delete or compare. */
export const MAX_SET_KEYS = 64;

/** Says something to the room: recorded (stored, in order, resumable) or volatile (at most once, never stored). */
export interface PublishFrame {
  readonly type: "publish";
  readonly ref?: number;
  readonly event: string;
  /** Null where it has `bytes`. */
  readonly data: Json;
  /** In place of data: raw bytes, base64 with padding. */
  readonly bytes?: string;
  readonly volatile: boolean;
  /** Which volatile messages of its sender and event may stand for one another. */
  readonly key?: string;
  /** The members it is for, beside its sender; absent for everyone. */
  readonly to?: readonly string[];
}

/** Changes keys of the room's state, all or nothing. Maps, for a key may be any string, `__proto__` too. */
export interface SetFrame {
  readonly type: "set";
  readonly ref?: number;
  readonly set: ReadonlyMap<string, Json>;
  readonly delete: readonly string[];
  /** The versions that keys must have; 0 for one that must be absent. */
  readonly if: ReadonlyMap<string, number>;
  /** Whether the keys set end with their member. */
  readonly own: boolean;
}

/** Tells how much the client has read on this connection: the length of all frames, in UTF-16 units or, binary, bytes. */
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

/** The most messages that a page of history holds, and how many it holds unless asked otherwise. */
export const HISTORY_LIMIT = { max: 500, default: 50 } as const;

/** The most members that a page of the list holds. */
export const MEMBERS_LIMIT = 1_000;

/** Asks for stored messages. Bounds exclusive; with `after` the first of them, without it the last. */
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

/** A member as others see it. */
export interface MemberEntry {
  readonly id: string;
  /** The verified user; absent for an anonymous member. */
  readonly user?: string;
  /** What its token says of it. */
  readonly info?: Json;
  /** What the member says of itself; absent until it says something. */
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
  /** Set on a connection that only watches: it is no member, and may not act. */
  readonly viewOnly?: true;
  readonly mode: PresenceMode;
  /** The revision of the list of members; a client that returns with it need not be sent the list again. */
  readonly roster: string;
  readonly count: number;
  /** Everyone here, this member too; absent in the mode `count`, and where the client's list is current. */
  readonly members?: readonly MemberEntry[];
  /** The state as of `stateOffset`; absent where the replay brings it. */
  readonly state?: StateSnapshot;
  readonly stateOffset?: number;
  /** How long the token is good for, in milliseconds; the connection is then closed. */
  readonly expiresInMs?: number;
  readonly pingIntervalMs: number;
  readonly silenceTimeoutMs: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** A message of a member. Recorded ones have an offset, volatile ones none. */
export interface MessageFrame {
  readonly type: "message";
  readonly offset?: number;
  readonly time: number;
  readonly from: string;
  readonly user?: string;
  /** Set on a message that is for these members only. */
  readonly to?: readonly string[];
  readonly event: string;
  /** Absent where it has `bytes`. */
  readonly data?: Json;
  /** In place of data: raw bytes, base64 with padding. */
  readonly bytes?: string;
}

/** A change of the room's state, recorded among the messages. */
export interface StateFrame {
  readonly type: "state";
  readonly offset: number;
  readonly time: number;
  readonly from: string;
  readonly user?: string;
  readonly set?: Readonly<Record<string, Json>>;
  readonly delete?: readonly string[];
}

/** Who came, changed or went since the last presence frame, and how many are here now. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly joined?: readonly MemberEntry[];
  readonly updated?: readonly MemberEntry[];
  readonly left?: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** Everyone here; replaces the list that the client has. */
  readonly members?: readonly MemberEntry[];
  /** `count` where the client is told only how many are here; `list` when it is told who again. */
  readonly mode?: PresenceMode;
  /** The revision of the list that this change makes. */
  readonly roster: string;
  readonly count: number;
}

/**
 * Where the client stands now: `replayed` at the end of a replay, `filtered` where messages for others went by, `epoch`
 * where the log began anew.
 */
export interface PositionFrame {
  readonly type: "position";
  readonly position: string;
  readonly reason: "replayed" | "filtered" | "epoch";
}

/** The act with this `ref` took effect; `offset` for a recorded one. */
export interface AckFrame {
  readonly type: "ack";
  readonly ref?: number;
  readonly offset?: number;
  /** With the ack of an `auth`: how long the new token is good for, in milliseconds. */
  readonly expiresInMs?: number;
}

/** An act, or a whole frame, was refused; also the body of every HTTP refusal. */
export interface ErrorFrame {
  readonly type: "error";
  readonly ref?: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly limit?: string;
  /** With `conflict`: the versions that the keys compared have, 0 for one that is absent. */
  readonly versions?: Readonly<Record<string, number>>;
  /** With `superseded`: the attempt number of the session's newest connection. */
  readonly try?: number;
}

/** Stored messages, ascending; `more` where there may be further ones beyond the end that was cut. */
export interface HistoryFrame {
  readonly type: "history";
  readonly ref?: number;
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
  /** With `more`: the `after` of the next page or, where the newest messages were asked for, its `before`. */
  readonly next?: number;
}

/** What an act is answered with. */
export type AnswerFrame = AckFrame | ErrorFrame | HistoryFrame;

/** The token is about to expire, and the connection with it. */
export interface ExpiringFrame {
  readonly type: "expiring";
  readonly expiresInMs: number;
}

/** The end of an SSE stream, which has no close codes of its own. */
export interface CloseFrame {
  readonly type: "close";
  readonly code: number;
  readonly reason: string;
}

/** The answer to a ping. */
export interface PongFrame {
  readonly type: "pong";
}

/** What a server may send; an array of these is one frame as well. */
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
