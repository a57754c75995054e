import type { ActOutcome } from "../room/api.ts";
import { readAttempt } from "../protocol/attempts.ts";
import { errorFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import { isKey } from "../protocol/ids.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { countRefusal } from "./edge-counts.ts";

/** The header that names the acting session: `<session>.<key>` or `<session>.<key>.<try>`, as in its welcome. */
export const SESSION_HEADER = "Parlor-Session";

/** The sender of a POST: a session, and optionally the attempt number of the connection that it acts for. */
interface SessionHeader {
  readonly session: string;
  readonly key: string;
  readonly attempt: number | undefined;
}

/** Reads the session header. The caller must check that session and key belong together. */
export function readSession(header: string | null): Result<SessionHeader> {
  const [session, key, number, ...rest] = (header ?? "").split(".");
  const attempt = readAttempt(number);
  if (session === undefined || key === undefined || rest.length > 0 || !isKey(key) || !attempt.ok) {
    const form = "<session>.<key> or <session>.<key>.<try>";
    return err({
      code: "bad_session",
      message: `the header ${SESSION_HEADER} is missing or malformed; send ${form}`,
    });
  }
  return ok({ session, key, attempt: attempt.value });
}

/** Reads a body as text. Stops as soon as it exceeds the limit. */
export async function readBody(request: Request, maxBytes: number): Promise<Result<string>> {
  const tooLarge = err({
    code: "frame_too_large",
    message: `the body is larger than the limit of ${maxBytes} bytes; send less`,
    limit: "maxFrameBytes",
  });
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) return tooLarge;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let bytes = 0;
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) return tooLarge;
      text += decoder.decode(chunk, { stream: true });
    }
    return ok(text + decoder.decode());
  } catch {
    return err({ code: "bad_frame", message: "the body is not valid UTF-8, or ended early; send it again" });
  }
}

/** Responds to a POST: a single act with its own status, an array with 200 and a result for each act. */
export function answerActs(outcome: ActOutcome, isArray: boolean): Response {
  if (outcome.refused !== null) return answerOne(errorFrame(outcome.refused)); // The room has already counted it.
  if (isArray) return Response.json(outcome.results);
  const [result] = outcome.results;
  return result === undefined ? errorResponse({ code: "internal" }) : answerOne(result);
}

/** Responds to a rejected HTTP request with the error frame as body, its status, and `Retry-After`. */
export function errorResponse(error: WireError): Response {
  countRefusal(error);
  return answerOne(errorFrame(error));
}

function answerOne(frame: AnswerFrame): Response {
  if (frame.type !== "error") return Response.json(frame);
  const wait =
    frame.retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(frame.retryAfterMs / 1000)) };
  return Response.json(frame, { status: ERRORS[frame.code].http, headers: wait });
}
