/** Secrets of a list, and what is wrong with it: by their place in the list, never by themselves. */
export interface SecretList {
  readonly secrets: readonly string[];
  readonly problems: readonly string[];
}

/** The least that is long enough not to be guessed: HS256 asks for 256 bits (RFC 7518 section 3.2). */
const MIN_SECRET_CHARS = 32;

/**
 * Reads secrets separated by commas. A comma at the end is passed over.
 *
 * @param variable names the list in problems
 * @param prefix what each begins with
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
  if (secret === "") return "is empty; separate items with single commas, and use no comma within an item";
  if (!secret.startsWith(prefix)) return `does not begin with ${prefix}`;
  if (secret.length < MIN_SECRET_CHARS) {
    return `is ${secret.length} characters, at least ${MIN_SECRET_CHARS} are needed; openssl rand -base64 33 makes one`;
  }
  // A pass phrase may have blanks in it. Several secrets with blanks between them would be one that nobody has.
  const parts = secret.split(/\s+/);
  const isList = parts.length > 1 && parts.every(({ length }) => length >= MIN_SECRET_CHARS);
  if (isList || /[\r\n]/.test(secret)) return "looks like several secrets; separate them with commas";
  return prefix !== "" && parts.length > 1 ? "contains a space, which no header can carry" : undefined;
}
