import { SignJWT, type JWTPayload } from "jose";
import { OPTIONS } from "../../../src/config/options.ts";

/** The secrets of vitest.config.ts: one that is being rotated out, and the current one. */
export const SECRETS = [
  "an-old-secret-of-thirty-two-characters",
  "a-secret-for-tests-of-32-characters",
] as const;

/** How long after its `exp` a token is accepted, in seconds. */
export const TOLERANCE_S = OPTIONS.tokenClockToleranceS.default;

/** The claims that a test sets. All others have usual values. */
export interface TokenOptions {
  readonly user?: string;
  readonly rooms?: Readonly<Record<string, readonly string[]>>;
  readonly info?: unknown;
  /** When it expires, Unix seconds. @default in an hour */
  readonly exp?: number;
  readonly secret?: string;
  readonly claims?: JWTPayload;
}

/** All capabilities except moderation. */
const ALL = ["join", "publish", "presence", "history", "state", "members"] as const;

/** Mints a token. */
export function token(options: TokenOptions = {}): Promise<string> {
  const { user = "ana", rooms = { "*": ALL }, info, secret = SECRETS[1], claims = {} } = options;
  return new SignJWT({ rooms, ...(info !== undefined && { info }), ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setExpirationTime(options.exp ?? Math.floor(Date.now() / 1000) + 3_600)
    .sign(new TextEncoder().encode(secret));
}

/** The admin key of vitest.config.ts. */
export const ADMIN_KEY = "prl_a-key-for-tests-of-32-characters";

/** The headers that carry a token. */
export function bearer(text: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${text}` };
}
