/** A value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object as parsed, before its fields are checked. */
export type JsonObject = { readonly [key: string]: unknown };

/** How deep arrays and objects may nest in a client's frame. `JSON.stringify` recurses, and V8's stack holds thousands of levels. */
export const MAX_JSON_DEPTH = 64;

/** Whether a parsed value is a JSON object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text. Never throws: returns `undefined` for text that is not JSON or nests deeper than `maxDepth`. Frames
 * from a server may nest deeper than frames from a client, because they contain data of clients.
 */
export function parseJson(text: string, maxDepth = MAX_JSON_DEPTH): unknown {
  if (mayNestDeeper(text, maxDepth) && nestsDeeper(text, maxDepth)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Text with at least `MAX_JSON_DEPTH` + 1 opening brackets. Native code scans it, because a loop takes ten times as long in
 * a quiet room, where no code is compiled. The pattern is anchored at the start. Otherwise a long text with fewer brackets
 * would be scanned once for each of them.
 */
const MANY_OPEN = /* @__PURE__ */ new RegExp(`^(?:[^[{]*[[{]){${MAX_JSON_DEPTH + 1}}`);

/** Whether the text has enough brackets that their depth must be counted. */
function mayNestDeeper(text: string, maxDepth: number): boolean {
  return text.length > 2 * maxDepth && (maxDepth < MAX_JSON_DEPTH || MANY_OPEN.test(text));
}

/** Counts brackets outside strings. On text that is not JSON the result means nothing, and `JSON.parse` rejects it. */
function nestsDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (++depth > maxDepth) return true;
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Matches nearly all text. Native code scans every incoming frame with it. */
const ASCII = /^[\0-\x7f]*$/;

/**
 * The length of `text` in UTF-8 bytes, the unit of every size limit. Counts without encoding the text.
 *
 * A lone surrogate counts 3, like the replacement character that an encoder writes for it.
 */
export function utf8Length(text: string): number {
  if (ASCII.test(text)) return text.length;
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char < 0x80) continue;
    if (char < 0x800) bytes += 1;
    else if (char >= 0xd800 && char <= 0xdbff && isLowSurrogate(text.charCodeAt(i + 1))) {
      bytes += 2; // four bytes for two UTF-16 units
      i++;
    } else bytes += 2;
  }
  return bytes;
}

function isLowSurrogate(char: number): boolean {
  return char >= 0xdc00 && char <= 0xdfff;
}
