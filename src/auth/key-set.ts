import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  jwksCache,
  type JSONWebKeySet,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
} from "jose";
import { isWithin } from "../limits/durations.ts";

/** The maximum age of keys that are used while newer ones cannot be fetched, in milliseconds: an hour. */
const MAX_STALE_MS = 3_600_000;

/** The pause between a failed fetch and the next one, in milliseconds. Meanwhile the known keys are used. */
const PAUSE_MS = 30_000;

/**
 * A key set that is fetched. The library keeps it for ten minutes, and fetches it again for an unknown key. While it cannot
 * be fetched, the last one is used for up to an hour, so an outage of the issuer does not lock out clients with valid tokens.
 *
 * @param clock returns Unix milliseconds
 */
export function fetchedKeySet(url: URL, clock: () => number): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {};
  const fetched = createRemoteJWKSet(url, { [jwksCache]: cache });
  let failedAt = NEVER;
  return async (header, token) => {
    if (isWithin(PAUSE_MS, failedAt, clock()) && isWithin(MAX_STALE_MS, cache.uat ?? NEVER, clock())) {
      return createLocalJWKSet(cache.jwks ?? NO_KEYS)(header, token);
    }
    try {
      return await fetched(header, token);
    } catch (error) {
      if (!isOfKeySet(error)) throw error;
      failedAt = clock();
      if (!isWithin(MAX_STALE_MS, cache.uat ?? NEVER, failedAt)) throw error;
      return createLocalJWKSet(cache.jwks ?? NO_KEYS)(header, token);
    }
  };
}

const NEVER = -Infinity;

const NO_KEYS: JSONWebKeySet = { keys: [] };

/**
 * Whether an error means that the key set is not available. Such an error is not about the token, so a later attempt may
 * succeed. The library reports a status other than 200 as its general error.
 */
export function isOfKeySet(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === "ERR_JOSE_GENERIC"
  );
}
