/**
 * The data of every message in a load: its sender, its number and when it was sent, all with a fixed width after two
 * characters that occur nowhere else on the wire. A delivery can therefore be found, identified and timed from a few bytes,
 * without parsing the text around it.
 */
const MARK = Buffer.from("~@");

const SENDER_DIGITS = 4;
const NUMBER_DIGITS = 7;
const TIME_DIGITS = 11;

/** The length of a stamp. */
const STAMP_CHARS = MARK.length + SENDER_DIGITS + NUMBER_DIGITS + TIME_DIGITS;

/** Called for a stamp with the sender, the number of the message, and the time from {@link nowUs} when it was sent. */
export type StampListener = (sender: number, number: number, sentUs: number) => void;

/** This process's clock in whole microseconds. */
export function nowUs(): number {
  return Math.floor(performance.now() * 1_000);
}

/** Returns a message's data as JSON: a string of this many bytes, including quotes, that begins with the stamp. */
export function stampedJson(sender: number, number: number, bytes: number): string {
  const stamp = [
    MARK.toString(),
    String(sender).padStart(SENDER_DIGITS, "0"),
    String(number).padStart(NUMBER_DIGITS, "0"),
    String(nowUs()).padStart(TIME_DIGITS, "0"),
  ].join("");
  return `"${stamp.padEnd(bytes - 2, "x")}"`;
}

/** Finds the stamps in a text and returns how many there are. */
export function eachStamp(bytes: Buffer, start: number, end: number, found: StampListener): number {
  const text = bytes.subarray(start, end);
  const last = text.length - STAMP_CHARS;
  let count = 0;
  // A native search, because a burst has megabytes to search and the generator must not become the limit.
  for (let at = text.indexOf(MARK); at !== -1 && at <= last; at = text.indexOf(MARK, at + STAMP_CHARS)) {
    const numberAt = at + MARK.length + SENDER_DIGITS;
    const timeAt = numberAt + NUMBER_DIGITS;
    found(
      digits(text, at + MARK.length, numberAt),
      digits(text, numberAt, timeAt),
      digits(text, timeAt, timeAt + TIME_DIGITS),
    );
    count++;
  }
  return count;
}

function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] ?? 48) - 48;
  return value;
}
