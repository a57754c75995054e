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

/** Keys that were fetched so long ago are still used while newer ones cannot be fetched, in milliseconds: an hour. */
const MAX_STALE_MS = 3_600_000;

/** After a fetch that failed, the keys that are known are used for so long before the next one, in milliseconds. */
const PAUSE_MS = 30_000;

/**
 * A key set that is fetched, kept for ten minutes, and fetched again for a key that is not known (the library does that).
 * While it cannot be fetched, the last one is used for up to an hour: an outage of the issuer locks out nobody whose
 * token is valid.
 *
 * @param clock tells Unix milliseconds
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
 * Whether it is the key set that is not available, which says nothing about the token: a later attempt may succeed. The
 * library reports an answer other than 200 as its general error.
 */
export function isOfKeySet(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === "ERR_JOSE_GENERIC"
  );
}
