import { isJsonObject } from "../../protocol/json.ts";
import type { Access, FormatName, PresenceMode } from "../../protocol/contract.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import type { Remains } from "./closed-sockets.ts";
import { LIVE, type SendWindowRecord } from "./send-window.ts";

/**
 * The version of the attachment that a socket keeps through hibernation. Code meets sockets that older and newer code wrote.
 *
 * - 1: a session and its send window.
 * - 2: the same, for a session of the dialect `proto`, which older code cannot serve.
 */
export const ATTACHMENT_VERSION = 2;

/** The part of a session that must outlive the room's memory. The platform's limit is 16,384 bytes serialized. */
export interface SessionRecord {
  readonly session: string;
  readonly member: string;
  readonly user: string;
  readonly dialect: FormatName;
  readonly mode: PresenceMode;
  /** The attempt number. The socket with the highest number is the session's connection. Absent if older code accepted it. */
  readonly attempt?: number | undefined;
  /** Unix milliseconds; decides between sockets of a session with the same attempt number. */
  readonly joinedAt: number;
  /** When the member last sent a frame, Unix milliseconds; written at most every {@link HEARD_RESOLUTION_MS}. */
  readonly heardAt: number;
  /** Set for a connection that only watches. It is not a member. */
  readonly viewOnly?: boolean;
  /** For the connection of a poll: the offset at which the poll began. Absent for any other connection. */
  readonly polledFrom?: number | undefined;
  /** What its token allows. Absent without a token, which gives the rights that an open room gives everyone. */
  readonly access?: Access | undefined;
  /** The source that it counts against (`JoinRequest`). Absent if an older Worker accepted it. */
  readonly source?: string | undefined;
  /** The source whose place the session uses (capacity.ts), if it has moved to a new address since. */
  readonly place?: string | undefined;
  /** The token expiry that the client has been warned about, Unix milliseconds. */
  readonly warnedOf?: number | undefined;
  /** Presence data as JSON text, in rooms where members have no rows. */
  readonly data?: string | undefined;
}

/**
 * A send window as it is attached. Code of other versions reads and writes these keys, so they stay as they are.
 * `SendWindowRecord` explains the values.
 */
export interface AttachedSendWindow {
  readonly sent: number;
  readonly welcome?: number | undefined;
  readonly seen?: number | undefined;
  readonly said?: number | undefined;
  /** The offset of a connection that is behind, always with `epoch` and `stalledAt`. Absent for a live connection. */
  readonly behind?: number | undefined;
  readonly epoch?: string | undefined;
  /** Older code may write it for a live connection too. */
  readonly stalledAt?: number | undefined;
  /** Whether the connection missed changes of presence. */
  readonly missed?: boolean | undefined;
}

/** How stale `heardAt` may be, because writing it for every frame would cost more than the frame. */
export const HEARD_RESOLUTION_MS = 15_000;

/** What the attachment of a socket contains. */
export type Attached =
  | { readonly is: "session"; readonly record: SessionRecord; readonly sendWindow: SendWindowRecord }
  /** The room has closed the socket, or did not accept it. It may stay listed until its client answers the close. */
  | { readonly is: "gone"; readonly remains: Remains }
  /** Newer code wrote the attachment, and only newer code can serve the socket. */
  | { readonly is: "newer" };

/** Attaches a session to its socket. */
export function attach(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): void {
  // The oldest version that can serve the session, so that older code continues to serve it.
  socket.serializeAttachment({
    v: dialectOf(record.dialect).attachmentVersion,
    ...record,
    lane: attachedOf(sendWindow),
  });
}

/** Marks a socket as gone, so that its late frames and its close are ignored. */
export function attachGone(socket: WebSocket, remains: Remains): void {
  socket.serializeAttachment({ v: 1, gone: true, ...remains });
}

/** Reads the attachment of a socket. */
export function readAttachment(socket: WebSocket): Attached {
  const value: unknown = socket.deserializeAttachment();
  if (!isJsonObject(value) || typeof value["v"] !== "number") return { is: "gone", remains: {} };
  if (value["v"] > ATTACHMENT_VERSION) return { is: "newer" };
  if (value["gone"] === true) return { is: "gone", remains: value as Remains };
  // Older code had no send windows, and attached none.
  const { v: _v, lane: attached = { sent: 0 }, ...record } = value;
  const sendWindow = sendWindowOf(attached as AttachedSendWindow);
  return { is: "session", record: record as unknown as SessionRecord, sendWindow };
}

function attachedOf({ state, ...lengths }: SendWindowRecord): AttachedSendWindow {
  if (state.is === "live") return lengths;
  const { offset, epoch, stalledAt, hasMissedPresence } = state;
  return { ...lengths, behind: offset, epoch, stalledAt, ...(hasMissedPresence && { missed: true }) };
}

function sendWindowOf(attached: AttachedSendWindow): SendWindowRecord {
  const { behind, epoch = "", stalledAt = 0, missed = false, ...lengths } = attached;
  if (behind === undefined) return { ...lengths, state: LIVE };
  return {
    ...lengths,
    state: { is: "behind", offset: behind, epoch, stalledAt, hasMissedPresence: missed },
  };
}
