/**
 * What every message of a load carries: who sent it, the how many-th of that sender it is, and when it was sent, all of
 * fixed width behind two characters that occur nowhere else on the wire. So a delivery is found, told from others and
 * timed by looking at some bytes, without parsing what is around it.
 */
const MARK = Buffer.from("~@");

const SENDER_DIGITS = 4;
const NUMBER_DIGITS = 7;
const TIME_DIGITS = 11;

/** The length of a stamp. */
const STAMP_CHARS = MARK.length + SENDER_DIGITS + NUMBER_DIGITS + TIME_DIGITS;

/** Told of a stamp: the sender, the number of the message, and when it was sent, as of {@link nowUs}. */
export type StampListener = (sender: number, number: number, sentUs: number) => void;

/** The time of this process in whole microseconds. */
export function nowUs(): number {
  return Math.floor(performance.now() * 1_000);
}

/** Writes a message's data as JSON: a string of so many bytes, quotes included, that begins with the stamp. */
export function stampedJson(sender: number, number: number, bytes: number): string {
  const stamp = [
    MARK.toString(),
    String(sender).padStart(SENDER_DIGITS, "0"),
    String(number).padStart(NUMBER_DIGITS, "0"),
    String(nowUs()).padStart(TIME_DIGITS, "0"),
  ].join("");
  return `"${stamp.padEnd(bytes - 2, "x")}"`;
}

/** Finds the stamps in a text; returns how many there are. */
export function eachStamp(bytes: Buffer, start: number, end: number, found: StampListener): number {
  const text = bytes.subarray(start, end);
  const last = text.length - STAMP_CHARS;
  let count = 0;
  // Searched natively: in a burst there are megabytes to look through, and the generator must not be what is measured.
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
