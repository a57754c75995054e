import type { AnswerFrame, ErrorFrame } from "../../protocol/frames.ts";
import { clampDelay } from "../../protocol/durations.ts";
import { isJsonObject, parseJson } from "../../protocol/json.ts";

/** The parts of an HTTP response that the client uses. */
export interface HttpReply {
  readonly status: number;
  readonly text: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

/** Reads a whole response. */
export async function readReply(response: Response): Promise<HttpReply> {
  return {
    status: response.status,
    text: await response.text(),
    retryAfter: response.headers.get("Retry-After"),
  };
}

/**
 * Reads the reply to a POST of acts (rule H2) as the frames that a WebSocket would have delivered, each with the ref of its
 * act. Never throws. A reply that is not from a Parlor server, such as a proxy's page, means that the acts must be repeated.
 *
 * @param refs the refs of the acts, in order; `undefined` for an act without a ref
 */
export function readPostReply(refs: readonly (number | undefined)[], response: HttpReply): AnswerFrame[] {
  const parsed = parseJson(response.text);
  const items: unknown[] = Array.isArray(parsed) ? parsed : [];
  return refs.flatMap((ref, index) => {
    const item = items.length === refs.length ? items[index] : parsed;
    if (ref === undefined) return isReply(item) ? item : [];
    return { ...(isReply(item) ? item : unanswered(response)), ref };
  });
}

/** The error for a reply that is not from a Parlor server. The acts have refs, so the client may repeat them. */
function unanswered({ status, retryAfter }: HttpReply): ErrorFrame {
  const retryAfterMs = retryAfterMsOf(retryAfter);
  const message = `the server responded with status ${status}; the client retries`;
  return { type: "error", code: "unavailable", message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Reads a rejection over HTTP; `undefined` if it is not from a Parlor server. */
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

function isReply(value: unknown): value is AnswerFrame {
  if (!isJsonObject(value)) return false;
  const { type, code } = value;
  return type === "ack" || type === "history" || (type === "error" && typeof code === "string");
}
