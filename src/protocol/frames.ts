import type { PresenceMode } from "./contract.ts";
import type { ErrorCode } from "./errors.ts";
import type { Json } from "./json.ts";
import type { UnrecoveredReason } from "./positions.ts";

/** The bare text that keeps a connection alive; the platform answers {@link PONG} without waking the room. */
export const PING = "ping";

/** The answer to {@link PING}, byte for byte. */
export const PONG = '{"type":"pong"}';

/** The most messages that one text frame, or one POST, may hold. */
export const MAX_ITEMS = 64;

/** The longest `event` and conflation `key`, in UTF-16 units. */
export const MAX_EVENT_CHARS = 64;

/** Says something to the room: recorded (stored, in order, resumable) or volatile (at most once, never stored). */
export interface PublishFrame {
  readonly type: "publish";
  readonly ref?: number;
  readonly event: string;
  readonly data: Json;
  readonly volatile: boolean;
}

/** Replaces the member's presence data. */
export interface PresenceUpdateFrame {
  readonly type: "presence";
  readonly ref?: number;
  readonly data: Json;
}

/** Ends the membership at once. */
export interface LeaveFrame {
  readonly type: "leave";
  readonly ref?: number;
}

/** The most messages that a page of history holds, and how many it holds unless asked otherwise. */
export const HISTORY_LIMIT = { max: 500, default: 50 } as const;

/** Asks for stored messages. Bounds exclusive; with `after` the first of them, without it the last. */
export interface HistoryRequestFrame {
  readonly type: "history";
  readonly ref?: number;
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

/** What a client may send. */
export type ClientFrame = PublishFrame | PresenceUpdateFrame | HistoryRequestFrame | LeaveFrame;

/** A member as others see it. */
export interface MemberEntry {
  readonly id: string;
  /** The verified user; absent for an anonymous member. */
  readonly user?: string;
  /** What the member says of itself; absent until it says something. */
  readonly data?: Json;
}

/** Why a member left. */
export type LeaveReason = "left" | "disconnected" | "timeout" | "removed";

/** The first frame of every connection. */
export interface WelcomeFrame {
  readonly type: "welcome";
  readonly protocol: number;
  readonly session: string;
  readonly key: string;
  readonly member: string;
  readonly user?: string;
  readonly time: number;
  readonly history: "durable";
  readonly position: string;
  readonly head: string;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
  readonly mode: PresenceMode;
  readonly count: number;
  /** Everyone here, this member too; absent in the mode `count`. */
  readonly members?: readonly MemberEntry[];
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
  readonly event: string;
  readonly data: Json;
}

/** Who came, changed or went since the last presence frame, and how many are here now. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly joined?: readonly MemberEntry[];
  readonly updated?: readonly MemberEntry[];
  readonly left?: readonly { readonly id: string; readonly reason: LeaveReason }[];
  /** Set where the member sees only how many are here. */
  readonly mode?: "count";
  readonly count: number;
}

/** Where the client stands now; sent at the end of a replay. */
export interface PositionFrame {
  readonly type: "position";
  readonly position: string;
  readonly reason: "replayed";
}

/** The act with this `ref` took effect; `offset` for a recorded one. */
export interface AckFrame {
  readonly type: "ack";
  readonly ref?: number;
  readonly offset?: number;
}

/** An act, or a whole frame, was refused; also the body of every HTTP refusal. */
export interface ErrorFrame {
  readonly type: "error";
  readonly ref?: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly limit?: string;
}

/** Stored messages, ascending; `more` where there are further ones beyond the end that was cut. */
export interface HistoryFrame {
  readonly type: "history";
  readonly ref?: number;
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
}

/** What an act is answered with. */
export type AnswerFrame = AckFrame | ErrorFrame | HistoryFrame;

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
  | PresenceFrame
  | PositionFrame
  | AckFrame
  | ErrorFrame
  | HistoryFrame
  | CloseFrame
  | PongFrame;
