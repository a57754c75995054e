import { isJsonObject } from "../../protocol/json.ts";
import type { Access, DialectName, PresenceMode } from "../../protocol/contract.ts";
import type { Remains } from "./closed-sockets.ts";
import type { SendWindowRecord } from "./send-window.ts";

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
  readonly dialect: DialectName;
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
  socket.serializeAttachment({ v: record.dialect === "proto" ? 2 : 1, ...record, lane: sendWindow });
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
  return { is: "session", record: record as unknown as SessionRecord, sendWindow: lane as SendWindowRecord };
}
