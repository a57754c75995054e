/*
 * Finds numbers that a double (IEEE 754) cannot represent, such as 9007199254740993 or 1e400. JSON.parse changes them
 * silently. A double holds an integer if it is written as the same integer again. A fraction is an approximation. A double
 * holds it if it has no more digits than distinguish doubles, or if the double is the same when written with as many digits.
 */

/**
 * Matches text that may have such a number, in a string or not: an integer of 17 digits, or of 16 from 9 × 10^15 on; a
 * fraction with more than 17 significant digits, or 20 zeros behind the point; an exponent of 250 or more. A double holds
 * all other numbers: with at most 19 zeros, 17 digits and an exponent of 249 they are between 10^-286 and 10^265. Nearly all
 * texts have none of these, and native code scans them once.
 */
const SUSPECT =
  /(?:^|[^\d.])(?:\d{17}|9\d{15}|[1-9][\d.]{18}|0\.(?:0{20}|0*[1-9]\d{17}))|[eE][+-]?0*(?:2[5-9]\d|[3-9]\d\d|[1-9]\d{3})/;

/** The shortest numbers that may be suspect without an exponent have this many characters. */
const MIN_SUSPECT_CHARS = 16;

/**
 * The maximum suspect numbers of one frame that are checked. A check takes 2 to 40 times as long as parsing the number.
 * Further items are rejected, because a room has one thread.
 */
const MAX_SUSPECTS = 64;

/** Counts the suspect numbers of one frame, whose fields may be checked one by one. */
export interface Suspects {
  left: number;
}

export function newSuspects(): Suspects {
  return { left: MAX_SUSPECTS };
}

/** All numbers in a valid JSON text that a double does not hold, as written. For short text from a trusted writer. */
export function lostNumbers(text: string): readonly string[] {
  const found: string[] = [];
  if (SUSPECT.test(text)) findLost(text, { left: Infinity }, (number) => void found.push(number));
  return found;
}

/**
 * The first number that a double does not hold, or the first one beyond the bound, as written. Returns `undefined` if
 * doubles hold all of them.
 */
export function lostNumber(text: string, suspects = newSuspects()): string | undefined {
  if (!SUSPECT.test(text)) return undefined;
  let first: string | undefined;
  findLost(text, suspects, (number) => {
    first = number;
    return true;
  });
  return first;
}

/**
 * Why the numbers of a frame's items are rejected, by the index of the item. Beyond {@link MAX_SUSPECTS} checks, the item
 * and the items behind it are rejected.
 */
export function lostByItem(
  text: string,
  items: number,
  suspects = newSuspects(),
): ReadonlyMap<number, string> {
  if (!SUSPECT.test(text)) return NONE;
  const found = new Map<number, string>();
  findLost(text, suspects, (number, item) => {
    if (found.has(item)) return;
    found.set(item, suspects.left < 0 ? TOO_MANY_SUSPECTS : lostMessage(number));
  });
  if (suspects.left < 0) {
    const last = Math.max(...found.keys());
    for (let index = last + 1; index < items; index++) found.set(index, TOO_MANY_SUSPECTS);
  }
  return found;
}

const NONE: ReadonlyMap<number, string> = new Map();

/** Why items with too many suspect numbers are rejected. */
const TOO_MANY_SUSPECTS = `more than ${MAX_SUSPECTS} numbers of one frame have more than 17 digits, are beyond 2^53, or have an exponent of 250 or more; send them as strings or in several frames`;

/** The message for a number that is rejected. */
export function lostMessage(number: string): string {
  if (isHeld(number)) return TOO_MANY_SUSPECTS;
  const shown = number.length > MAX_SHOWN_CHARS ? `${number.slice(0, MAX_SHOWN_CHARS)}…` : number;
  return `the number ${shown} is not representable as a double (IEEE 754); send it as a string`;
}

/** The maximum characters of a client's value in an error message. */
const MAX_SHOWN_CHARS = 64;

/**
 * Finds the numbers that a double does not hold, and the index of each one's item, until `visit` returns true. A number
 * beyond the bound is also visited, and ends the search.
 *
 * This is a loop, because matching a regular expression for each bracket, string and number takes 10 times as long.
 */
function findLost(
  text: string,
  suspects: Suspects,
  visit: (number: string, item: number) => boolean | void,
): void {
  const isArray = /^\s*\[/.test(text);
  let depth = 0;
  let item = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) i = endOfString(text, i);
    else if (isDigit(char)) {
      const end = endOfNumber(text, i);
      const start = i > 0 && text.charCodeAt(i - 1) === MINUS ? i - 1 : i;
      const isSkipped = isPlain(text, i, end);
      i = end - 1;
      if (isSkipped) continue;
      const number = text.slice(start, end);
      if (!SUSPECT.test(number)) continue;
      const isBeyond = --suspects.left < 0;
      if ((isBeyond || !isHeld(number)) && (visit(number, item) === true || isBeyond)) return;
    } else if (char === OPEN_BRACKET || char === OPEN_BRACE) depth++;
    else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth--;
    else if (char === COMMA && isArray && depth === 1) item++;
  }
}

/** The index of the quote that ends a string. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) break;
    if (char === BACKSLASH) i++;
  }
  return i;
}

/** The index behind a number. */
function endOfNumber(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (
      !isDigit(char) &&
      char !== POINT &&
      (char | LOWER_CASE) !== SMALL_E &&
      char !== PLUS &&
      char !== MINUS
    )
      break;
  }
  return i;
}

/** Whether a number is clearly not suspect, like nearly all. Only other numbers are cut out of the text and matched. */
function isPlain(text: string, start: number, end: number): boolean {
  for (let i = start + 1; i < end - 3; i++) if ((text.charCodeAt(i) | LOWER_CASE) === SMALL_E) return false;
  if (end - start < MIN_SUSPECT_CHARS) return true;
  let i = start;
  if (text.charCodeAt(start) === ZERO) {
    for (i = start + 2; i < end && text.charCodeAt(i) === ZERO;) i++;
    return end - i <= DOUBLE_DIGITS && i - start - 2 < MIN_SUSPECT_CHARS;
  }
  while (i < end && text.charCodeAt(i) !== POINT) i++;
  return i - start < MIN_SUSPECT_CHARS && end - start <= DOUBLE_DIGITS + 1;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

const QUOTE = 0x22;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const SMALL_E = 0x65;
const LOWER_CASE = 0x20;

/** This many significant digits distinguish every double from the next. */
const DOUBLE_DIGITS = 17;

/** The maximum digits that `toPrecision` and `toFixed` accept. */
const MAX_PRECISION = 100;

/** A number with an exponent and no more digits than distinguish doubles. Only programs that use doubles write an exponent. */
const SHORT_EXPONENTIAL = /^-?[\d.]{1,17}[eE]/;

/** A long integer that JavaScript writes without an exponent if a double holds it. */
const PLAIN_INTEGER = /^-?\d{16,21}$/;

/** Whether a double holds a number. */
function isHeld(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  if (value !== 0 && SHORT_EXPONENTIAL.test(token)) return true;
  if (String(value) === token) return true;
  if (PLAIN_INTEGER.test(token)) return false;
  const places = token.length - 1 - token.indexOf(".");
  // The usual form of a double with all its digits. Numbers without a point are longer than MAX_PRECISION here, or exponential.
  if (places <= MAX_PRECISION && value.toFixed(places) === token) return true;
  return isSameDecimal(token, value);
}

function isSameDecimal(token: string, value: number): boolean {
  const [digits, exponent] = decimal(token);
  if ((value === 0) !== (digits === "")) return false;
  const isWrittenAs = (text: string): boolean => {
    const [otherDigits, otherExponent] = decimal(text);
    return otherDigits === digits && otherExponent === exponent;
  };
  if (digits === "" || isWrittenAs(String(value))) return true;
  // Only programs that use doubles write an exponent.
  const isInteger = digits.length <= exponent && !/e/i.test(token);
  if (isInteger || digits.length > MAX_PRECISION) return false;
  // Programs write a double with 17 digits, not always the nearest, or with all its digits: 0.10000000000000000555.
  return digits.length <= DOUBLE_DIGITS || isWrittenAs(value.toPrecision(digits.length));
}

/** A number as 0.digits × 10^exponent, without zeros at either end. */
function decimal(text: string): readonly [digits: string, exponent: number] {
  const [, whole = "", fraction = "", exponent = "0"] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  return [digits.replace(/0+$/, ""), whole.length - (all.length - digits.length) + Number(exponent)];
}
