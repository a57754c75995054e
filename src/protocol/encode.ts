import { CLOSE_CODES, type CloseName } from "./close-codes.ts";
import { defined } from "./defined.ts";
import { DEFAULT_WAIT_MS, ERRORS, type ErrorRow, type WireError } from "./errors.ts";
import type { CloseFrame, ErrorFrame, ServerFrame } from "./frames.ts";

/** Writes one server frame as JSON text. */
export function encodeFrame(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/** Turns an error into a frame, which is also the body of an HTTP response. */
export function errorFrame(error: WireError): ErrorFrame {
  const row: ErrorRow = ERRORS[error.code];
  const retryAfterMs = error.retryAfterMs ?? (row.recovery === "wait" ? DEFAULT_WAIT_MS : undefined);
  return defined({
    type: "error",
    ref: error.ref,
    code: error.code,
    message: error.message ?? row.text,
    retryAfterMs,
    limit: error.limit,
    versions: error.versions,
    try: error.try,
  });
}

/** Turns a close into the last frame of an SSE stream. */
export function closeFrame(name: CloseName): CloseFrame {
  return { type: "close", code: CLOSE_CODES[name].code, reason: CLOSE_CODES[name].text };
}
