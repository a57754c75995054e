/** The maximum characters of a value in an error message. */
const MAX_SHOWN_CHARS = 64;

/** A value as error messages show it: quoted like JSON and cut at 64 characters. Accepts any value, and never throws. */
export function shown(value: unknown): string {
  const text = textOf(value);
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

function textOf(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "function") return "a function";
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return `a value of the type ${typeof value}`;
  }
}
