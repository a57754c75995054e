import type { ActOutcome } from "../room/api.ts";
import { readAttempt } from "../protocol/attempts.ts";
import { errorFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import { isKey } from "../protocol/ids.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { countRefusal } from "./edge-counts.ts";

/** Names the acting session, and its connection: `<session>.<key>` or `<session>.<key>.<try>`, as in its welcome. */
export const SESSION_HEADER = "Parlor-Session";

/** The sender of a POST: a session, and the attempt number of the connection that it acts for, if it names one. */
interface SessionHeader {
  readonly session: string;
  readonly key: string;
  readonly attempt: number | undefined;
}

/** Reads the session header. The caller checks that session and key belong together. */
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

/** Reads a body as text, and no more of it than may be sent. */
export async function readBody(request: Request, maxBytes: number): Promise<Result<string>> {
  const tooLarge = err({
    code: "frame_too_large",
    message: `the body is larger than ${maxBytes} bytes, which is the limit`,
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
    return err({ code: "bad_frame", message: "the body is not valid UTF-8, or ended early" });
  }
}

/** Answers a POST: one act has its own status, an array 200 and a result for each. */
export function answerActs(outcome: ActOutcome, isArray: boolean): Response {
  if (outcome.refused !== null) return answerOne(errorFrame(outcome.refused)); // The room has counted it.
  if (isArray) return Response.json(outcome.results);
  const [result] = outcome.results;
  return result === undefined ? errorResponse({ code: "internal" }) : answerOne(result);
}

/** Answers any HTTP request that is refused: the error frame as body, its status, and when to try again. */
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
