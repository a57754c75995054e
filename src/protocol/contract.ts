import type { Grant } from "./capabilities.ts";
import { ERRORS, type ErrorCode, type WireError } from "./errors.ts";
import { isJsonObject, parseJson } from "./json.ts";

/**
 * The version of what a Worker asks of a room. It rises when a room could misread an older or newer Worker: for
 * minutes after a deploy old rooms serve new Workers, after a rollback the reverse. A field that may be ignored or
 * may be absent needs no new version.
 *
 * - 1: joins by header, acts and reads by RPC.
 * - 2: joins of the dialect `proto`.
 */
export const CONTRACT_VERSION = 2;

/** The version that a request names: the oldest that serves it, so that a room of older code refuses no more than it must. */
export function contractVersionOf(dialect?: DialectName): number {
  return dialect === "proto" ? 2 : 1;
}

/** The header of an internal upgrade that carries a {@link JoinRequest}. Never copied from a client's request. */
export const JOIN_HEADER = "Parlor-Join";

/**
 * How a connection's frames are written: `json` and `proto` as clients read them, `bridge` as JSON with a position before
 * each.
 */
export type DialectName = "json" | "bridge" | "proto";

/** How a connection sees who is here: every member, or only how many. */
export type PresenceMode = "list" | "count";

/** What becomes of a room's recorded messages: stored, kept in memory while the room is awake, or not kept. */
export type HistoryMode = "durable" | "memory" | "none";

/** What a token allows in one room. */
export interface Access {
  readonly grants: readonly Grant[];
  /** Presence data that the token's issuer vouches for, JSON text. */
  readonly info?: string;
  /** When it ends, Unix milliseconds. */
  readonly expiresAt?: number;
  /** When it was issued, Unix milliseconds. */
  readonly issuedAt?: number;
  readonly tokenId?: string;
}

/** How long an access lasts, in milliseconds; never negative; `undefined` if it does not end. */
export function expiresInMs({ expiresAt }: Access, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(0, expiresAt - now);
}

/** A ticket that a join comes with. */
export interface TicketUse {
  readonly id: string;
  /** When it must have been used for the first time, Unix milliseconds. */
  readonly useBy: number;
}

/** A join that the Worker has admitted: who it is, and where it wants to go on. */
export interface JoinRequest {
  readonly v: number;
  readonly session: string;
  readonly key: string;
  /** The client's number for this attempt, which only grows for a key; absent if the client sends none. */
  readonly attempt?: number;
  readonly member: string;
  /** The verified user, or "". */
  readonly user: string;
  readonly dialect: DialectName;
  readonly mode: PresenceMode;
  /** The position as the client gave it; the room judges it. */
  readonly after?: string;
  /** How many of the newest messages to replay to a client without a position. */
  readonly rewind?: number;
  /** Presence data as JSON text, within the kind's limit. */
  readonly presence?: string;
  /** The revision of the list of members that the client has. */
  readonly roster?: string;
  /** Whether the welcome shall bring the state even where a replay does. */
  readonly state?: boolean;
  /** Whether the connection will tell what it has read. */
  readonly flow?: boolean;
  /** Whether it only watches. */
  readonly viewOnly?: boolean;
  /** What its token allows; absent for what an open room allows everyone. */
  readonly access?: Access;
  /** Who answers for it: its user or, for an anonymous one, its address, in this room only. */
  readonly source?: string;
  readonly ticket?: TicketUse;
  /** Whether its source has made so many rooms today that it may only join those that are there. */
  readonly mayNotCreate?: boolean;
}

/** The header of a room's answer to a join that made it. */
export const CREATED_HEADER = "Parlor-Created";

/** Writes a join into a header: JSON in ASCII, as header values must be. */
export function encodeJoin(join: JoinRequest): string {
  return JSON.stringify(join).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Reads a join from the header; `undefined` when it is absent, broken, or of a newer contract than this code's. */
export function decodeJoin(header: string | null): JoinRequest | undefined {
  const parsed = header === null ? undefined : parseJson(header);
  if (!isJsonObject(parsed) || typeof parsed["v"] !== "number" || parsed["v"] > CONTRACT_VERSION)
    return undefined;
  // The Worker's own encodeJoin wrote it, of a version this code knows.
  return parsed as unknown as JoinRequest;
}

/** Reads the body of a room's refusal; `unavailable` when it says nothing that this code knows. */
export function decodeRefusal(body: string): WireError {
  const frame = parseJson(body);
  if (!isJsonObject(frame) || !isErrorCode(frame["code"])) return { code: "unavailable" };
  const { code, message, retryAfterMs, limit, try: attempt } = frame;
  return {
    code,
    ...(typeof message === "string" && { message }),
    ...(typeof retryAfterMs === "number" && { retryAfterMs }),
    ...(typeof limit === "string" && { limit }),
    ...(typeof attempt === "number" && { try: attempt }),
  };
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}
