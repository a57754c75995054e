import { CLOSE_CODES, type CloseName } from "./close-codes.ts";
import { ERRORS, type ErrorRow, type WireError } from "./errors.ts";

/** The close for a join rejected with this error. For a temporary error the client may always reconnect. */
export function closeOf({ code, retryAfterMs }: Pick<WireError, "code" | "retryAfterMs">): CloseName {
  const { close = "bad_protocol" }: ErrorRow = ERRORS[code];
  return retryAfterMs !== undefined && CLOSE_CODES[close].recovery === "do not retry" ? "not_now" : close;
}

/** Whether a frame rejected with this error counts against `maxRefusals`. */
export function isAbuse(error: WireError): boolean {
  const { abuse }: ErrorRow = ERRORS[error.code];
  return error.isAbuse ?? abuse === "always";
}
