import {
  base64url,
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from "jose";
import { lostMessage, lostNumbers } from "../protocol/numbers.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import type { TokenRules } from "./rules.ts";
import { readClaims, type Claims } from "./claims.ts";

/** The algorithms of public keys. `none` is no algorithm, and a public key is never taken for a secret. */
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

/** No token is longer: it travels in headers, of which a Worker is sent 128 KB at the most. */
const MAX_TOKEN_CHARS = 8_192;

/** Checks tokens. Total: whatever a client sends, the answer is claims or an error. */
export class TokenVerifier {
  readonly #secrets: readonly Uint8Array[];
  readonly #keySets: readonly JWTVerifyGetKey[];
  readonly #options: JWTVerifyOptions;

  constructor(rules: TokenRules) {
    const { secrets, keys, jwksUrl, issuer, audience, clockToleranceS } = rules;
    this.#secrets = secrets.map((secret) => new TextEncoder().encode(secret));
    this.#keySets = [
      ...(keys.length === 0 ? [] : [createLocalJWKSet({ keys: keys as JSONWebKeySet["keys"] })]),
      ...(jwksUrl === undefined ? [] : [createRemoteJWKSet(new URL(jwksUrl))]),
    ];
    this.#options = {
      clockTolerance: clockToleranceS,
      requiredClaims: ["sub", "exp"],
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    };
  }

  /** Whether there is anything to check a token with. */
  get hasKeys(): boolean {
    return this.#secrets.length + this.#keySets.length > 0;
  }

  /** Checks a token: signature, issuer, audience, times, and the form of its claims. */
  async verify(token: string): Promise<Result<Claims>> {
    if (token.length > MAX_TOKEN_CHARS)
      return err({ code: "token_invalid", message: "the token is too long" });
    let algorithm: string | undefined;
    try {
      algorithm = decodeProtectedHeader(token).alg;
    } catch {
      return err({ code: "token_invalid", message: "the token is no JSON Web Token" });
    }
    // By the algorithm it names, so that a public key is never used as a secret; each takes its own algorithms only.
    const checks =
      algorithm === "HS256"
        ? this.#secrets.map(
            (secret) => () => jwtVerify(token, secret, { ...this.#options, algorithms: ["HS256"] }),
          )
        : this.#keySets.map(
            (keys) => () => verifyWithAny(token, keys, { ...this.#options, algorithms: PUBLIC_ALGORITHMS }),
          );
    let refusal: Result<Claims> = err({ code: "token_invalid", message: "no key here has signed the token" });
    for (const check of checks) {
      try {
        const claims = readClaims((await check()).payload);
        return claims.ok ? withHeldNumbers(token, claims.value) : claims;
      } catch (error) {
        refusal = refusalOf(error);
        if (!isOfAnotherKey(error)) return refusal;
      }
    }
    return refusal;
  }
}

/** Refuses a token whose `info` holds a number that a double does not hold: it was changed when it was parsed. */
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

/** Whether a value is, or has somewhere in it, a certain one. */
function holds(value: unknown, what: unknown): boolean {
  if (value === what) return true;
  return (
    typeof value === "object" && value !== null && Object.values(value).some((inner) => holds(inner, what))
  );
}

/** Checks a token with a key set, of which several keys may be the one: a token need not name its key. */
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

/** Whether another key may yet have signed it. */
function isOfAnotherKey(error: unknown): boolean {
  return error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey;
}

function refusalOf(error: unknown): Result<never> {
  if (error instanceof errors.JWTExpired) return err({ code: "token_expired" });
  if (error instanceof errors.JWTClaimValidationFailed) {
    return err({ code: "token_invalid", message: `the token's ${error.claim} is not accepted here` });
  }
  if (isOfKeySet(error))
    return err({ code: "unavailable", message: "the keys to check a token with cannot be had" });
  return err({ code: "token_invalid", message: "no key here has signed the token" });
}

/**
 * Whether it is the key set that cannot be had, which says nothing of the token: a later try may do. The library tells
 * of an answer other than 200 by its general error.
 */
function isOfKeySet(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === "ERR_JOSE_GENERIC"
  );
}
