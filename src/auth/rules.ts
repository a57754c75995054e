import { shown } from "../protocol/shown.ts";
import { readKeys } from "./public-keys.ts";
import { readSecrets } from "./secrets.ts";

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

/** Reads what tokens are checked with, and what is wrong with it, which holds no secret. */
export function readTokenRules(options: TokenOptions): {
  readonly rules: TokenRules;
  readonly problems: string[];
} {
  const { secrets, problems: ofSecrets } = readSecrets("TOKEN_SECRETS", options.tokenSecrets);
  const { keys, problems: ofKeys } = readKeys(options.tokenKeys);
  const { tokenJwksUrl, tokenIssuer, tokenAudience } = options;
  const rules: TokenRules = {
    secrets,
    keys,
    jwksUrl: tokenJwksUrl === "" ? undefined : tokenJwksUrl,
    issuer: tokenIssuer === "" ? undefined : tokenIssuer,
    audience: tokenAudience === "" ? undefined : tokenAudience,
    clockToleranceS: options.tokenClockToleranceS,
  };
  const others = [
    urlObjection(tokenJwksUrl),
    listObjection("TOKEN_ISSUER", tokenIssuer),
    listObjection("TOKEN_AUDIENCE", tokenAudience),
  ];
  return { rules, problems: [...ofSecrets, ...ofKeys, ...others.filter((problem) => problem !== undefined)] };
}

function urlObjection(text: string): string | undefined {
  if (text === "") return undefined;
  const url = /^https?:\/\/\S+$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  const wayOut = "such as https://id.example.com/.well-known/jwks.json";
  // A value with an @ may contain a password, which must not be logged.
  if (url === undefined) {
    return `TOKEN_JWKS_URL${text.includes("@") ? "" : ` is ${shown(text)},`} must be one https URL, ${wayOut}`;
  }
  if (url.username !== "" || url.password !== "") {
    return "TOKEN_JWKS_URL contains a user or a password, which fetch rejects; remove them";
  }
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "https:" || isLocal) return undefined;
  return `TOKEN_JWKS_URL is an http URL of ${url.hostname}; keys are fetched over https, ${wayOut}`;
}

/** A token has one issuer, and the server requires one of its audiences. */
function listObjection(variable: string, text: string): string | undefined {
  if (!/[\s,]/.test(text)) return undefined;
  return `${variable} is ${shown(text)}, must be one value without commas or blanks`;
}
