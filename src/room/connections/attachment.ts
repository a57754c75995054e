import { isJsonObject } from "../../protocol/json.ts";
import type { Access, FormatName, PresenceMode } from "../../protocol/contract.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import type { Remains } from "./closed-sockets.ts";
import { LIVE, type SendWindowRecord } from "./send-window.ts";

/**
 * The format of what a socket carries through hibernation. Code meets sockets that older and newer code wrote.
 *
 * - 1: a session and its send window.
 * - 2: the same, of the dialect `proto`, which older code cannot serve.
 */
export const ATTACHMENT_VERSION = 2;

/** What of a session must outlive the room's memory. At most 16,384 bytes serialized, a bound of the platform. */
export interface SessionRecord {
  readonly session: string;
  readonly member: string;
  readonly user: string;
  readonly dialect: FormatName;
  readonly mode: PresenceMode;
  /** The attempt number. Of a session's sockets, the one with the highest number counts. Absent if older code accepted it. */
  readonly attempt?: number | undefined;
  /** Unix milliseconds; decides between sockets of a session with the same attempt number. */
  readonly joinedAt: number;
  /** When the member last sent a frame, Unix milliseconds; written at most every {@link HEARD_RESOLUTION_MS}. */
  readonly heardAt: number;
  /** Set for a connection that only watches: it is no member. */
  readonly viewOnly?: boolean;
  /** What its token allows; absent for what an open room allows everyone. */
  readonly access?: Access | undefined;
  /** Who answers for it (`JoinRequest`); absent where an older Worker let it in. */
  readonly source?: string | undefined;
  /** The source whose place it takes (capacity.ts), if the session has moved to a new address since. */
  readonly place?: string | undefined;
  /** The expiry that it has been warned of, Unix milliseconds. */
  readonly warnedOf?: number | undefined;
  /** Presence data as JSON text, where members have no rows. */
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

/** How stale `heardAt` may be: writing it for every frame would cost more than the frame. */
export const HEARD_RESOLUTION_MS = 15_000;

/** What a socket turns out to be when its attachment is read. */
export type Attached =
  | { readonly is: "session"; readonly record: SessionRecord; readonly sendWindow: SendWindowRecord }
  /** It was closed by the room, or is not the room's; it may stay listed until its peer answers. */
  | { readonly is: "gone"; readonly remains: Remains }
  /** Newer code wrote it; only that can serve it. */
  | { readonly is: "newer" };

/** Writes a session into its socket. */
export function attach(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): void {
  // The oldest that can serve it, so that older code goes on with what it can.
  socket.serializeAttachment({
    v: dialectOf(record.dialect).attachmentVersion,
    ...record,
    lane: laneOf(sendWindow),
  });
}

/** Marks a socket as no one's, so that neither its late frames nor its close mean anything. */
export function attachGone(socket: WebSocket, remains: Remains): void {
  socket.serializeAttachment({ v: 1, gone: true, ...remains });
}

/** Reads what a socket carries. */
export function readAttachment(socket: WebSocket): Attached {
  const value: unknown = socket.deserializeAttachment();
  if (!isJsonObject(value) || typeof value["v"] !== "number") return { is: "gone", remains: {} };
  if (value["v"] > ATTACHMENT_VERSION) return { is: "newer" };
  if (value["gone"] === true) return { is: "gone", remains: value as Remains };
  // One without a send window was written by code that had none.
  const { v: _v, lane = { sent: 0 }, ...record } = value;
  const sendWindow = sendWindowOf(lane as AttachedSendWindow);
  return { is: "session", record: record as unknown as SessionRecord, sendWindow };
}

function laneOf({ state, ...lengths }: SendWindowRecord): AttachedSendWindow {
  if (state.is === "live") return lengths;
  const { offset, epoch, stalledAt, hasMissedPresence } = state;
  return { ...lengths, behind: offset, epoch, stalledAt, ...(hasMissedPresence && { missed: true }) };
}

function sendWindowOf(lane: AttachedSendWindow): SendWindowRecord {
  const { behind, epoch = "", stalledAt = 0, missed = false, ...lengths } = lane;
  if (behind === undefined) return { ...lengths, state: LIVE };
  return {
    ...lengths,
    state: { is: "behind", offset: behind, epoch, stalledAt, hasMissedPresence: missed },
  };
}
