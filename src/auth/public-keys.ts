import { isJsonObject, parseJson } from "../protocol/json.ts";

/** The required fields of a public key, by its type. */
const FIELDS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ["RSA", ["n", "e"]],
  ["EC", ["crv", "x", "y"]],
  ["OKP", ["crv", "x"]],
]);

/** The curves of ES256, ES384, ES512 and EdDSA. */
const CURVES: ReadonlyMap<unknown, ReadonlySet<unknown>> = new Map([
  ["EC", new Set(["P-256", "P-384", "P-521"])],
  ["OKP", new Set(["Ed25519"])],
]);

/** Reads TOKEN_KEYS, a JSON Web Key Set. Returns its keys and its problems, such as a key that can never be used. */
export function readKeys(text: string): {
  readonly keys: readonly object[];
  readonly problems: readonly string[];
} {
  if (text === "") return { keys: [], problems: [] };
  const set = parseJson(text);
  if (!isJsonObject(set) || !Array.isArray(set["keys"])) {
    const isPem = text.includes("-----BEGIN");
    const isKey = isJsonObject(set) && typeof set["kty"] === "string";
    const what = isPem
      ? " but a PEM; convert its key to a JWK"
      : isKey
        ? ' but a single key; wrap it as {"keys":[…]}'
        : "; copy the key set of your identity provider";
    return { keys: [], problems: [`TOKEN_KEYS is not a JSON Web Key Set {"keys":[…]}${what}`] };
  }
  const all: readonly unknown[] = set["keys"];
  const problems = all.flatMap((key, index) => {
    const why = objectionTo(key);
    return why === undefined ? [] : [`TOKEN_KEYS: key ${index + 1} of ${all.length} ${why}`];
  });
  // Key sets of identity providers may contain keys for other uses. These are ignored.
  const keys = all.filter(isJsonObject);
  if (problems.length === 0 && !keys.some(canCheck)) {
    problems.push("TOKEN_KEYS contains no key for RS, PS, ES or EdDSA signatures; remove it or add one");
  }
  return { keys, problems };
}

/** The problem of a key, whatever its use; `undefined` if it has none. */
function objectionTo(key: unknown): string | undefined {
  if (!isJsonObject(key)) return "is not an object";
  const { kty } = key;
  if (kty === "oct" || "d" in key) return "is secret or private; TOKEN_KEYS is for public keys";
  const missing = (FIELDS.get(kty) ?? []).find(
    (field) => typeof key[field] !== "string" || key[field] === "",
  );
  return missing === undefined ? undefined : `has no ${missing}, which a key of its type needs`;
}

/** Whether a key can verify signatures. */
function canCheck({ kty, crv, use }: Readonly<Record<string, unknown>>): boolean {
  const isKnown = FIELDS.has(kty) && (CURVES.get(kty)?.has(crv) ?? true);
  return isKnown && (use === undefined || use === "sig");
}
