import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from "jose";

/** The claims of a token. `undefined` removes a usual claim. */
type Claims = Readonly<Record<string, unknown>>;

/** A key pair of a token issuer, with the public key in the form that a server receives. */
export interface Signer {
  readonly jwk: Readonly<Record<string, unknown>>;
  /** Signs a token. The given claims override the usual ones. */
  sign(claims?: Claims, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Now, in Unix seconds. */
export function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** The usual claims of a test's token. */
export function usualClaims(claims: Claims = {}): JWTPayload {
  const rooms = { "*": ["join", "publish", "presence", "history", "state", "members"] };
  return { sub: "ana", exp: nowS() + 3_600, rooms, ...claims };
}

/** Generates a key pair for an algorithm. */
export async function signer(alg: string, kid?: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const named = kid === undefined ? {} : { kid };
  return {
    jwk: { ...(await exportJWK(publicKey)), ...named },
    sign: (claims = {}, header = {}) =>
      new SignJWT(usualClaims(claims)).setProtectedHeader({ alg, ...named, ...header }).sign(privateKey),
  };
}

/** Builds a token without a library and signs it with HS256, for tokens that no library would sign. */
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

/** Encodes text or bytes like the parts of a token. */
export function base64url(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
