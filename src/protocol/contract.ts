import type { Grant } from "./capabilities.ts";
import { ERRORS, type ErrorCode, type WireError } from "./errors.ts";
import { isJsonObject, parseJson } from "./json.ts";

/**
 * The version of the contract between a Worker and a room. It rises when a room could misread an older or newer Worker.
 * For minutes after a deploy, old rooms serve new Workers, and after a rollback new rooms serve old Workers. A field that
 * may be ignored or absent needs no new version.
 *
 * - 1: joins by header, acts and queries by RPC.
 * - 2: joins of the dialect `proto`.
 */
export const CONTRACT_VERSION = 2;

/** The version that a request names: the oldest that serves it, so that a room of older code rejects as little as possible. */
export function contractVersionOf(dialect?: { readonly contractVersion: number }): number {
  return dialect?.contractVersion ?? 1;
}

/** The header of an internal upgrade that carries a {@link JoinRequest}. Never copied from a client's request. */
export const JOIN_HEADER = "Parlor-Join";

/** The dialects of clients (dialects.ts). */
export type DialectName = "json" | "proto";

/**
 * How the room writes a connection's frames: in a dialect of clients, or as `bridge`, which is JSON with a position before each
 * frame. Requests and attachments call it `dialect`.
 */
export type FormatName = DialectName | "bridge";

/** What a connection receives about members: the list of them, or only their number. */
export type PresenceMode = "list" | "count";

/** Where a room keeps recorded messages: in storage, in memory while it is awake, or nowhere. */
export type HistoryMode = "durable" | "memory" | "none";

/** What a token allows in one room. */
export interface Access {
  readonly grants: readonly Grant[];
  /** Presence data that the token's issuer vouches for, JSON text. */
  readonly info?: string;
  /** When the token expires, Unix milliseconds. */
  readonly expiresAt?: number;
  /** When the token was issued, Unix milliseconds. */
  readonly issuedAt?: number;
  readonly tokenId?: string;
}

/** The milliseconds until an access expires, never negative; `undefined` if it does not expire. */
export function expiresInMs({ expiresAt }: Access, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(0, expiresAt - now);
}

/** The ticket of a join. */
export interface TicketUse {
  readonly id: string;
  /** The deadline for its first use, Unix milliseconds. */
  readonly useBy: number;
}

/** A join that the Worker has admitted: its identity, its rights, and where it resumes. */
export interface JoinRequest {
  readonly v: number;
  readonly session: string;
  readonly key: string;
  /** The client's number for this attempt. It grows with each attempt of a key. Absent if the client sends none. */
  readonly attempt?: number;
  readonly member: string;
  /** The verified user, or "". */
  readonly user: string;
  readonly dialect: FormatName;
  readonly mode: PresenceMode;
  /** The position as the client sent it. The room validates it. */
  readonly after?: string;
  /** How many of the newest messages to replay to a client without a position. */
  readonly rewind?: number;
  /** Presence data as JSON text, within the kind's limit. */
  readonly presence?: string;
  /** The revision of the list of members that the client has. */
  readonly roster?: string;
  /** Whether the welcome must have the state even if a replay brings it. */
  readonly state?: boolean;
  /** Whether the client promises to report what it has read. */
  readonly flow?: boolean;
  /** Whether the connection only watches. */
  readonly viewOnly?: boolean;
  /** What its token allows; absent if the rights are those of an anonymous member of an open room. */
  readonly access?: Access;
  /** The source that limits apply to: its user or, if anonymous, its address. The name differs in each room. */
  readonly source?: string;
  readonly ticket?: TicketUse;
  /** Whether its source has created too many rooms today, so that it may join existing rooms only. */
  readonly mayNotCreate?: boolean;
  /**
   * How many seconds a poll waits. Present if the connection lasts for one poll only: the room closes it with {@link ANSWERED}
   * in the turn in which it has sent something, and at once if this is 0.
   */
  readonly pollWaitS?: number;
  /**
   * Whether its address limit has counted it as a request, because it is the next poll of a client. If it is not, the room
   * rejects it with `not_joined`, and the Worker counts it as a join and asks again.
   */
  readonly mayOnlyContinue?: boolean;
}

/** The close of a poll's connection, after everything that the response contains. */
export const ANSWERED = { code: 1000, reason: "answered" } as const;

/** The header of a room's response to the join that created the room. */
export const CREATED_HEADER = "Parlor-Created";

/** Writes a join into a header: JSON in ASCII, as header values must be. */
export function encodeJoin(join: JoinRequest): string {
  return JSON.stringify(join).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Reads a join from the header. Returns `undefined` if it is absent, malformed, or of a newer contract than this code's. */
export function decodeJoin(header: string | null): JoinRequest | undefined {
  const parsed = header === null ? undefined : parseJson(header);
  if (!isJsonObject(parsed) || typeof parsed["v"] !== "number" || parsed["v"] > CONTRACT_VERSION)
    return undefined;
  // encodeJoin of a Worker wrote it, in a version that this code knows.
  return parsed as unknown as JoinRequest;
}

/** Reads the error in a room's response. Returns `unavailable` for a body that this code does not know. */
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
