import { MAX_GRANTS_CHARS, grantsLength, isGrant, isMatch, type Grant } from "../protocol/capabilities.ts";
import type { Access } from "../protocol/contract.ts";
import { defined } from "../protocol/defined.ts";
import type { WireError } from "../protocol/errors.ts";
import { clampTime } from "../protocol/durations.ts";
import { isJsonObject, utf8Length, type Json } from "../protocol/json.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { shown } from "../protocol/shown.ts";

/** The claims of a verified token. */
export interface Claims {
  /** The user, `sub`. */
  readonly user: string;
  /** Presence data that the token's issuer vouches for, JSON text. */
  readonly info: string | undefined;
  /** The capabilities that it grants, by patterns of room names. */
  readonly rooms: readonly (readonly [pattern: string, grants: readonly Grant[]])[];
  /** When this server stops accepting it, Unix milliseconds, including the clock tolerance; `undefined` if never. */
  readonly expiresAt: number | undefined;
  /** When it was issued, Unix milliseconds; `undefined` if it has no `iat`. */
  readonly issuedAt: number | undefined;
  /** The name of the token, `jti`. */
  readonly tokenId: string | undefined;
}

/** The maximum length of a user in UTF-16 units and of `info` in bytes. Both are stored in a socket's attachment. */
const MAX_USER_CHARS = 128;
const MAX_INFO_BYTES = 1_024;

/** The maximum patterns of room names in a token. */
const MAX_PATTERNS = 64;

/**
 * Reads the claims of a token whose signature and times have been checked.
 *
 * @param clockToleranceS is added to `exp` here and nowhere else, so that the edge, the room and the client agree on the
 *   time when a token expires
 */
export function readClaims(payload: Readonly<Record<string, unknown>>, clockToleranceS = 0): Result<Claims> {
  const { sub, info, rooms, exp, iat, jti } = payload;
  if (typeof sub !== "string" || sub === "" || sub.length > MAX_USER_CHARS) {
    return bad(`sub is ${shown(sub ?? null)}, must be the user, a string of 1-${MAX_USER_CHARS} characters`);
  }
  const infoText = info === undefined ? undefined : JSON.stringify(info as Json);
  if (infoText !== undefined && utf8Length(infoText) > MAX_INFO_BYTES) {
    return bad(`info is ${utf8Length(infoText)} bytes, the limit is ${MAX_INFO_BYTES}`);
  }
  if (jti !== undefined && (typeof jti !== "string" || jti.length > MAX_USER_CHARS)) {
    return bad(`jti is ${shown(jti)}, must be a string of up to ${MAX_USER_CHARS} characters`);
  }
  // Both may be fractions of a second, and any number of years away. Times are stored and sent as whole milliseconds.
  const expiresMs = typeof exp === "number" ? (exp + clockToleranceS) * 1000 : undefined;
  if (expiresMs !== undefined && !Number.isFinite(expiresMs))
    return bad(`exp is ${shown(exp)}, must be a time in seconds`);
  const expiresAt = expiresMs === undefined ? undefined : clampTime(expiresMs);
  const issuedAt = typeof iat === "number" ? clampTime(iat * 1000) : undefined;
  if (!isJsonObject(rooms)) {
    return bad(`rooms is ${shown(rooms ?? null)}, must be an object such as {"doc:*":["join","publish"]}`);
  }
  const patterns = Object.entries(rooms);
  if (patterns.length > MAX_PATTERNS)
    return bad(`rooms has ${patterns.length} patterns, the limit is ${MAX_PATTERNS}`);
  const read: [string, readonly Grant[]][] = [];
  for (const [pattern, grants] of patterns) {
    if (!Array.isArray(grants)) {
      return bad(`capabilities for ${shown(pattern)} are ${shown(grants)}, must be an array`);
    }
    const unknown: unknown = grants.find((grant) => typeof grant !== "string" || !isGrant(grant));
    if (unknown !== undefined) {
      return bad(`capability ${shown(unknown)} for ${shown(pattern)} is unknown`);
    }
    const excess = excessOf({ grants: grants as Grant[] });
    if (excess !== undefined) return err(excess);
    read.push([pattern, grants as Grant[]]);
  }
  return ok({
    user: sub,
    info: infoText,
    rooms: read,
    expiresAt,
    issuedAt,
    tokenId: jti,
  });
}

/**
 * What a token allows in one room: the capabilities of every pattern that matches the room's name. Rejects a token whose
 * matching patterns have more capabilities than a connection can store.
 */
export function accessTo(room: string, claims: Claims): Result<Access> {
  const { rooms, info, expiresAt, issuedAt, tokenId } = claims;
  const matching = rooms.filter(([pattern]) => isMatch(pattern, room));
  const grants = [...new Set(matching.flatMap(([, granted]) => granted))];
  const access: Access = defined({ grants, info, expiresAt, issuedAt, tokenId });
  const excess = excessOf(access);
  return excess === undefined ? ok(access) : err(excess);
}

/** The error if a connection cannot store its capabilities. Older servers accepted more, and issued tickets for more. */
export function excessOf({ grants }: Pick<Access, "grants">): WireError | undefined {
  const chars = grantsLength(grants);
  if (chars <= MAX_GRANTS_CHARS) return undefined;
  const message = `the token's capabilities for one room have ${chars} characters, the limit is ${MAX_GRANTS_CHARS}; use fewer patterns for one room, or publish:<prefix>* instead of single events`;
  return { code: "token_invalid", message };
}

function bad(message: string): Result<never> {
  return err({ code: "token_invalid", message: `the token's ${message}` });
}
