/*
 * Numbers that a double (IEEE 754) cannot represent, such as 9007199254740993 or 1e400: JSON.parse changes them silently.
 * An integer is held by a double if the same integer is written again. A fraction is an approximation. It is held if it has
 * no more digits than distinguish doubles, or if its double, written with as many digits, is the same.
 */

/**
 * Text that may hold one, in a string or not: an integer of 17 digits, or of 16 from 9 × 10^15 on; a fraction of more than 17
 * significant digits; an exponent of three digits, or very many zeros; or no more than a number. Nearly all text has none
 * of these, and is looked through once, in native code.
 */
const SUSPECT =
  /[^\d.](?:\d{17}|9\d{15}|[1-9][\d.]{18}|0\.0*[1-9]\d{17}|0\.0{200})|\d[eE][+-]?\d{3}|^\s*-?\d/;

/** The numbers among which they are. */
const NUMBER = /-?\d(?:[\d.]{15,}|[\d.]*[eE][+-]?\d{3})[\d.eE+-]*/;

/** A whole string; its content is skipped. */
const STRING = /"(?:[^"\\]+|\\.)*"/;

const STRING_OR_NUMBER = new RegExp(`${STRING.source}|${NUMBER.source}`, "g");

const TOKEN = new RegExp(`${STRING.source}|${NUMBER.source}|[[\\]{},]`, "g");

/** The numbers in a valid JSON text that a double does not hold, as they are written. */
export function* lostNumbers(text: string): Generator<string> {
  if (!SUSPECT.test(text)) return;
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (!token.startsWith('"') && !isHeld(token)) yield token;
  }
}

/** The first number that a double does not hold, as it is written; `undefined` where all are held. */
export function lostNumber(text: string): string | undefined {
  return SUSPECT.test(text) ? lostNumbers(text).next().value : undefined;
}

/** For each item of a frame, an object or an array of them, that has such numbers: its index, and the first of them. */
export function lostByItem(text: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const isArray = /^\s*\[/.test(text);
  let [depth, index] = [0, 0];
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    else if (token === ",") index += isArray && depth === 1 ? 1 : 0;
    else if (!token.startsWith('"') && !found.has(index) && !isHeld(token)) found.set(index, token);
  }
  return found;
}

/** Why such a number is rejected. */
export function lostMessage(number: string): string {
  const shown = number.length > MAX_SHOWN_CHARS ? `${number.slice(0, MAX_SHOWN_CHARS)}…` : number;
  return `the number ${shown} is not representable as a double (IEEE 754); send it as a string`;
}

/** How many characters of a client's value an error message repeats. */
const MAX_SHOWN_CHARS = 64;

/** This many significant digits distinguish every double from the next. */
const DOUBLE_DIGITS = 17;

/** The most digits that a double can be asked for. */
const MAX_PRECISION = 100;

function isHeld(token: string): boolean {
  const value = Number(token);
  const written = String(value);
  if (written === token) return true;
  const [digits, exponent] = decimal(token);
  if (!Number.isFinite(value) || (value === 0) !== (digits === "")) return false;
  const isWrittenAs = (text: string): boolean => decimal(text).join() === [digits, exponent].join();
  if (digits === "" || isWrittenAs(written)) return true;
  // Only programs that hold doubles write an exponent.
  const isInteger = digits.length <= exponent && !/e/i.test(token);
  if (isInteger || digits.length > MAX_PRECISION) return false;
  // Programs write a double with 17 digits, not always the right ones, or with all that it has: 0.10000000000000000555.
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
