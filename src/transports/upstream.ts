import type { ActOutcome } from "../room/api.ts";
import { errorFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import { isKey } from "../protocol/ids.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { countRefusal } from "./edge-counts.ts";

/** Names the session that acts: `<session>.<key>`, both from its welcome. */
export const SESSION_HEADER = "Parlor-Session";

/** Reads the session header. That the two belong together is for the caller to check. */
export function readSession(
  header: string | null,
): Result<{ readonly session: string; readonly key: string }> {
  const [session, key, ...rest] = (header ?? "").split(".");
  if (session === undefined || key === undefined || rest.length > 0 || !isKey(key)) {
    return err({ code: "bad_session", message: `acts need the header ${SESSION_HEADER}: <session>.<key>` });
  }
  return ok({ session, key });
}

/** Reads a body as text, and no more of it than may be sent. */
export async function readBody(request: Request, maxBytes: number): Promise<Result<string>> {
  const tooLarge = err({
    code: "frame_too_large",
    message: `the body is larger than the ${maxBytes} bytes the room takes`,
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
    return err({ code: "bad_frame", message: "the body is not UTF-8, or ended early" });
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
