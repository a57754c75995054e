import type { AckFrame, ErrorFrame } from "../../protocol/frames.ts";
import { clampDelay } from "../../protocol/durations.ts";
import { isJsonObject, parseJson } from "../../protocol/json.ts";

/** The part of an HTTP response that is looked at. */
export interface HttpReply {
  readonly status: number;
  readonly text: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

/**
 * Reads the answer to a POST of acts (rule H2) as the frames that a socket would have brought, each with the ref of its
 * act. Total: what is not a Parlor server's answer, such as a proxy's page, says that the acts should be repeated.
 *
 * @param refs of the acts, in order; `undefined` for those that have none
 */
export function readPostReply(
  refs: readonly (number | undefined)[],
  response: HttpReply,
): (AckFrame | ErrorFrame)[] {
  const parsed = parseJson(response.text);
  const items: unknown[] = Array.isArray(parsed) ? parsed : [];
  return refs.flatMap((ref, index) => {
    const item = items.length === refs.length ? items[index] : parsed;
    if (ref === undefined) return isReply(item) ? item : [];
    return { ...(isReply(item) ? item : unanswered(response)), ref };
  });
}

/** The error that an answer stands for which is no Parlor server's: the acts have refs, and may be sent again. */
function unanswered({ status, retryAfter }: HttpReply): ErrorFrame {
  const retryAfterMs = retryAfterMsOf(retryAfter);
  const message = `the server responded with status ${status}; the client retries`;
  return { type: "error", code: "unavailable", message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Reads an HTTP refusal; `undefined` for what is not a Parlor server's. */
export function readRefusal({ text, retryAfter }: HttpReply): ErrorFrame | undefined {
  const parsed = parseJson(text);
  if (!isReply(parsed) || parsed.type !== "error") return undefined;
  const retryAfterMs = parsed.retryAfterMs ?? retryAfterMsOf(retryAfter);
  return { ...parsed, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** `Retry-After` in milliseconds, bounded to what a timer accepts. A date is ignored, because the clocks may differ. */
export function retryAfterMsOf(header: string | null): number | undefined {
  return header !== null && /^\d+(\.\d+)?$/.test(header.trim())
    ? clampDelay(Number(header) * 1000)
    : undefined;
}

function isReply(value: unknown): value is AckFrame | ErrorFrame {
  if (!isJsonObject(value)) return false;
  return value["type"] === "ack" || (value["type"] === "error" && typeof value["code"] === "string");
}
