import { shown } from "../protocol/shown.ts";
import { readKeys } from "./public-keys.ts";
import { readSecrets } from "./secrets.ts";

/** The keys that verify tokens, and the required claims. */
export interface TokenRules {
  /** Secrets for HS256. A token may be signed with any of them. */
  readonly secrets: readonly string[];
  /** Public keys, of a JSON Web Key Set. */
  readonly keys: readonly object[];
  /** The URL of a key set to fetch. */
  readonly jwksUrl: string | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clockToleranceS: number;
}

/** The options for tokens. An option that is not set is "". */
export interface TokenOptions {
  readonly tokenSecrets: string;
  readonly tokenKeys: string;
  readonly tokenJwksUrl: string;
  readonly tokenIssuer: string;
  readonly tokenAudience: string;
  readonly tokenClockToleranceS: number;
}

/** Reads the options for tokens. Returns the rules and the problems, which contain no secret. */
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
  return `TOKEN_JWKS_URL is an http URL of ${url.hostname}, must be an https URL, ${wayOut}`;
}

/** The problem of a list: a token has one issuer, and the server requires one audience. */
function listObjection(variable: string, text: string): string | undefined {
  if (!/[\s,]/.test(text)) return undefined;
  return `${variable} is ${shown(text)}, must be one value without commas or spaces`;
}
