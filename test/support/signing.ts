import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from "jose";

/** What a token says; `undefined` takes out what it usually does. */
type Claims = Readonly<Record<string, unknown>>;

/** A pair of keys as who issues tokens has it, and its public half as a server is given it. */
export interface Signer {
  readonly jwk: Readonly<Record<string, unknown>>;
  /** Signs a token; claims that are given win over the usual ones. */
  sign(claims?: Claims, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Now, in Unix seconds. */
export function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** What a token of a test usually says. */
export function usualClaims(claims: Claims = {}): JWTPayload {
  const rooms = { "*": ["join", "publish", "presence", "history", "state", "members"] };
  return { sub: "ana", exp: nowS() + 3_600, rooms, ...claims };
}

/** Draws a pair of keys for an algorithm. */
export async function signer(alg: string, kid?: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const named = kid === undefined ? {} : { kid };
  return {
    jwk: { ...(await exportJWK(publicKey)), ...named },
    sign: (claims = {}, header = {}) =>
      new SignJWT(usualClaims(claims)).setProtectedHeader({ alg, ...named, ...header }).sign(privateKey),
  };
}

/** Writes the parts of a token without any library, and signs them with HS256: for tokens that no library would sign. */
export async function forge(header: string, payload: string, secret: string | Uint8Array): Promise<string> {
  const input = `${base64url(header)}.${base64url(payload)}`;
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  const key = await crypto.subtle.importKey(
    "raw",
    Uint8Array.from(bytes),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

/** Writes text or bytes as the parts of a token are written. */
export function base64url(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
