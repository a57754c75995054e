import { err, ok, type Result } from "./result.ts";

/**
 * Reads the number of a connection attempt, as a client writes it in a query or behind its key; `undefined` if there is
 * none. The largest is 2^53 - 1, up to which every client can count exactly.
 */
export function readAttempt(text: string | undefined): Result<number | undefined> {
  if (text === undefined) return ok(undefined);
  const attempt = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(attempt)) return ok(attempt);
  return err({ code: "bad_request", message: "try is not a whole number from 0 to 2^53 - 1" });
}
