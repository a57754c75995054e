/** The secrets of a list, and its problems. A problem names an item by its index, and never contains its value. */
export interface SecretList {
  readonly secrets: readonly string[];
  readonly problems: readonly string[];
}

/** The minimum length of a secret, so that it cannot be guessed. HS256 requires 256 bits (RFC 7518 section 3.2). */
const MIN_SECRET_CHARS = 32;

/**
 * Reads secrets separated by commas. Ignores a trailing comma.
 *
 * @param variable the name of the list in problems
 * @param prefix the required prefix of each secret
 */
export function readSecrets(variable: string, list: string, prefix = ""): SecretList {
  const items = list.split(",").map((text) => text.trim());
  if (items.at(-1) === "") items.pop();
  if (items.every((item) => item === "")) {
    return {
      secrets: [],
      problems: list === "" ? [] : [`${variable} contains no secret; remove it or add one`],
    };
  }
  const problems = items.flatMap((secret, index) => {
    const why = objectionTo(secret, prefix);
    return why === undefined ? [] : [`${variable}: item ${index + 1} of ${items.length} ${why}`];
  });
  return { secrets: items.filter((secret) => secret !== ""), problems };
}

function objectionTo(secret: string, prefix: string): string | undefined {
  if (secret === "") return "is empty; separate items with single commas, and use no comma inside an item";
  if (!secret.startsWith(prefix)) return `does not begin with ${prefix}`;
  if (secret.length < MIN_SECRET_CHARS) {
    return `is ${secret.length} characters, the minimum is ${MIN_SECRET_CHARS}; generate one with openssl rand -base64 33`;
  }
  // A pass phrase may contain spaces. Several secrets that are separated by spaces would be read as one wrong secret.
  const parts = secret.split(/\s+/);
  const isList = parts.length > 1 && parts.every(({ length }) => length >= MIN_SECRET_CHARS);
  if (isList || /[\r\n]/.test(secret)) return "looks like several secrets; separate them with commas";
  return prefix !== "" && parts.length > 1
    ? "contains a space, which a header cannot carry; remove it"
    : undefined;
}
