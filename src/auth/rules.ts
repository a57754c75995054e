import { isJsonObject, parseJson } from "../protocol/json.ts";

/** The keys that tokens are checked with, and what else they must say. */
export interface TokenRules {
  /** Secrets of HS256, any of which may have signed. */
  readonly secrets: readonly string[];
  /** Public keys, of a JSON Web Key Set. */
  readonly keys: readonly object[];
  /** Where a key set is fetched from. */
  readonly jwksUrl: string | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clockToleranceS: number;
}

/** The options that say so; "" for none (README, Options). */
export interface TokenOptions {
  readonly tokenSecrets: string;
  readonly tokenKeys: string;
  readonly tokenJwksUrl: string;
  readonly tokenIssuer: string;
  readonly tokenAudience: string;
  readonly tokenClockToleranceS: number;
}

/** HS256 is as strong as its secret: RFC 7518 section 3.2 asks for 256 bits. */
const MIN_SECRET_CHARS = 32;

/** Reads what tokens are checked with, and what is wrong with it, which holds no secret. */
export function readTokenRules(options: TokenOptions): {
  readonly rules: TokenRules;
  readonly problems: string[];
} {
  const problems: string[] = [];
  const secrets = textsOf(options.tokenSecrets);
  if (secrets.some(({ length }) => length < MIN_SECRET_CHARS)) {
    problems.push(`TOKEN_SECRETS holds one of fewer than ${MIN_SECRET_CHARS} characters`);
  }
  const { tokenKeys, tokenJwksUrl } = options;
  const set = tokenKeys === "" ? { keys: [] } : parseJson(tokenKeys);
  const keys = isJsonObject(set) && Array.isArray(set["keys"]) ? set["keys"].filter(isJsonObject) : undefined;
  if (keys === undefined) problems.push('TOKEN_KEYS is no JSON Web Key Set, {"keys":[…]}');
  if (keys?.some((key) => key["kty"] === "oct" || "d" in key) === true) {
    problems.push("TOKEN_KEYS holds a secret or private key; it is for public ones");
  }
  if (tokenJwksUrl !== "" && !/^https:|^http:\/\/(localhost|127\.0\.0\.1)[:/]/.test(tokenJwksUrl)) {
    problems.push("TOKEN_JWKS_URL is no https URL");
  }
  const rules: TokenRules = {
    secrets,
    keys: keys ?? [],
    jwksUrl: tokenJwksUrl === "" ? undefined : tokenJwksUrl,
    issuer: options.tokenIssuer === "" ? undefined : options.tokenIssuer,
    audience: options.tokenAudience === "" ? undefined : options.tokenAudience,
    clockToleranceS: options.tokenClockToleranceS,
  };
  return { rules, problems };
}

/** Reads a list of texts separated by commas. */
export function textsOf(list: string): readonly string[] {
  return list
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
}
