import {
  base64url,
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from "jose";
import { defined } from "../protocol/defined.ts";
import { lostMessage, lostNumbers } from "../protocol/numbers.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { shown } from "../protocol/shown.ts";
import { readClaims, type Claims } from "./claims.ts";
import { fetchedKeySet, isOfKeySet } from "./key-set.ts";
import type { TokenRules } from "./rules.ts";

/**
 * The `retryAfterMs` for a token that no key of this server has signed. The key may be new. The library fetches a set again
 * after 30 s, and a new secret reaches all servers of a deployment in about the same time. A forged token looks the same,
 * but an attacker does not wait anyway.
 */
export const UNKNOWN_KEY_RETRY_MS = 30_000;

/** The margin after a token's `nbf` until the client retries, in milliseconds, because clocks drift. */
const NOT_YET_MARGIN_MS = 1_000;

/** The maximum `retryAfterMs` for a token that is not valid yet. The client may get another token sooner. */
const MAX_NOT_YET_MS = 60_000;

/** The algorithms of public keys. `none` is not among them, and a public key is never used as a secret. */
const PUBLIC_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

/** The maximum length of a token. Headers carry it, and a Worker accepts at most 128 KB of them. */
const MAX_TOKEN_CHARS = 8_192;

/** Verifies tokens. Never throws: returns claims or an error, whatever a client sends. */
export class TokenVerifier {
  readonly #secrets: readonly Uint8Array[];
  readonly #keySets: readonly JWTVerifyGetKey[];
  readonly #options: JWTVerifyOptions;
  readonly #toleranceS: number;
  readonly #clock: () => number;

  /** @param clock returns Unix milliseconds */
  constructor(rules: TokenRules, clock: () => number) {
    this.#clock = clock;
    const { secrets, keys, jwksUrl, issuer, audience, clockToleranceS } = rules;
    this.#secrets = secrets.map((secret) => new TextEncoder().encode(secret));
    this.#keySets = [
      ...(keys.length === 0 ? [] : [createLocalJWKSet({ keys: keys as JSONWebKeySet["keys"] })]),
      ...(jwksUrl === undefined ? [] : [fetchedKeySet(new URL(jwksUrl), clock)]),
    ];
    this.#toleranceS = clockToleranceS;
    this.#options = defined({
      clockTolerance: clockToleranceS,
      requiredClaims: ["sub", "exp"],
      issuer,
      audience,
    });
  }

  /** Whether the server has a key that can verify tokens. */
  get hasKeys(): boolean {
    return this.#secrets.length + this.#keySets.length > 0;
  }

  /** Verifies a token: signature, issuer, audience, times, and the form of its claims. */
  async verify(token: string): Promise<Result<Claims>> {
    if (token.length > MAX_TOKEN_CHARS) {
      return invalid(`the token is ${token.length} characters, the limit is ${MAX_TOKEN_CHARS}`);
    }
    let algorithm: string | undefined;
    try {
      algorithm = decodeProtectedHeader(token).alg;
    } catch {
      return invalid("the token is not a JSON Web Token");
    }
    if (algorithm !== "HS256" && !PUBLIC_ALGORITHMS.includes(algorithm ?? "")) {
      return invalid(
        `the token's algorithm is ${shown(algorithm ?? "")}, must be HS256 or one of ${PUBLIC_ALGORITHMS.join(", ")}`,
      );
    }
    // The algorithm in the header selects the keys. Each kind of key accepts only its own algorithms, so a public key is
    // never used as a secret.
    const checks =
      algorithm === "HS256"
        ? this.#secrets.map(
            (secret) => () => jwtVerify(token, secret, { ...this.#options, algorithms: ["HS256"] }),
          )
        : this.#keySets.map(
            (keys) => () => verifyWithAny(token, keys, { ...this.#options, algorithms: PUBLIC_ALGORITHMS }),
          );
    let refusal: Result<Claims> = UNKNOWN_KEY;
    for (const check of checks) {
      try {
        const claims = this.#read((await check()).payload);
        return claims.ok ? withHeldNumbers(token, claims.value) : claims;
      } catch (error) {
        refusal = this.#refusalOf(error);
        if (!isOfAnotherKey(error)) return refusal;
      }
    }
    return refusal;
  }

  /** The claims. Checks `exp` again, because the library ignores fractions of a second. */
  #read(payload: JWTPayload): Result<Claims> {
    const claims = readClaims(payload, this.#toleranceS);
    const isExpired = claims.ok && (claims.value.expiresAt ?? Infinity) <= this.#clock();
    return isExpired ? this.#expired(payload.exp) : claims;
  }

  #refusalOf(error: unknown): Result<never> {
    if (error instanceof errors.JWTExpired) return this.#expired(error.payload.exp);
    if (error instanceof errors.JWTClaimValidationFailed) {
      const { nbf } = error.payload;
      if (error.claim === "nbf" && typeof nbf === "number")
        return notYet(nbf * 1000 - this.#clock(), this.#toleranceS);
      return invalid(`the token's ${error.claim} is not the one that this server requires`);
    }
    if (isOfAnotherKey(error)) return UNKNOWN_KEY;
    if (isOfKeySet(error)) {
      const message = "token verification keys could not be fetched from TOKEN_JWKS_URL; retry";
      return err({ code: "unavailable", message });
    }
    return invalid("the token is malformed, or its key cannot be used for its algorithm");
  }

  #expired(exp = 0): Result<never> {
    const agoS = Math.max(0, Math.ceil(this.#clock() / 1_000 - exp));
    return err({ code: "token_expired", message: `the token expired ${agoS} s ago; get a new one` });
  }
}

/** Temporary: the token may already be valid on another server, and soon on this one. */
const UNKNOWN_KEY = err({
  code: "token_invalid",
  message: "the token is not signed with a key of this server",
  retryAfterMs: UNKNOWN_KEY_RETRY_MS,
});

function invalid(message: string): Result<never> {
  return err({ code: "token_invalid", message });
}

function notYet(aheadMs: number, toleranceS: number): Result<never> {
  const message = `the token is not valid yet: its nbf is ${Math.ceil(aheadMs / 1000)} s ahead of this server's clock, the tolerance is ${toleranceS} s; retry later`;
  const waitMs = aheadMs - toleranceS * 1000 + NOT_YET_MARGIN_MS;
  return err({ code: "token_invalid", message, retryAfterMs: Math.min(MAX_NOT_YET_MS, Math.ceil(waitMs)) });
}

/** Rejects a token whose `info` has a number that a double cannot represent, because parsing has changed it. */
function withHeldNumbers(token: string, claims: Claims): Result<Claims> {
  if (claims.info === undefined) return ok(claims);
  const info: unknown = JSON.parse(claims.info);
  const payload = new TextDecoder().decode(base64url.decode(token.split(".")[1] ?? ""));
  for (const number of lostNumbers(payload)) {
    if (!holds(info, Number.isFinite(Number(number)) ? Number(number) : null)) continue; // of another claim
    return err({ code: "token_invalid", message: `the token's info: ${lostMessage(number)}` });
  }
  return ok(claims);
}

/** Whether a value is, or contains at any depth, a given value. */
function holds(value: unknown, what: unknown): boolean {
  if (value === what) return true;
  return (
    typeof value === "object" && value !== null && Object.values(value).some((inner) => holds(inner, what))
  );
}

/** Verifies a token with a key set. Tries all matching keys, because a token need not name its key. */
async function verifyWithAny(
  token: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options);
      } catch (failure) {
        if (!isOfAnotherKey(failure)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Whether another key may have signed the token. */
function isOfAnotherKey(error: unknown): boolean {
  return error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey;
}
