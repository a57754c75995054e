import { err, ok, type Result } from "./result.ts";
import { shown } from "./shown.ts";

/**
 * Reads the number of a connection attempt from a query or from behind a key; `undefined` if the client sent none. The
 * largest is 2^53 - 1, because every client can count up to that exactly.
 */
export function readAttempt(text: string | undefined): Result<number | undefined> {
  if (text === undefined) return ok(undefined);
  const attempt = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(attempt)) return ok(attempt);
  return err({
    code: "bad_request",
    message: `try is ${shown(text)}, must be a whole number from 0 to 2^53 - 1`,
  });
}
