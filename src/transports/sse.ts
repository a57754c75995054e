import { encodeFrame, errorFrame, closeFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import { closeOf } from "../protocol/refusals.ts";
import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { countRefusal } from "./edge-counts.ts";

/**
 * The `id:` of a close that says to stay away. An EventSource always reconnects, and repeats it as `Last-Event-ID`:
 * that is how the Worker knows to answer 403, which ends an EventSource for good. Not a position.
 */
export const CLOSED_ID = "~closed";

/** A comment: keeps proxies from giving a stream up, and finds out whether its reader is still there. */
export const HEARTBEAT = ": \n\n";

/** Writes one event: a frame, and the position that it brings the reader to. */
export function event(text: string, id?: string): string {
  return id === undefined ? `data: ${text}\n\n` : `id: ${id}\ndata: ${text}\n\n`;
}

/** Writes how long an EventSource waits before it comes back, in milliseconds. */
export function retry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

/** Answers with a stream of events, which no cache or proxy should hold back. */
export function eventStream(body: ReadableStream | string): Response {
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    },
  });
}

/** Whether the request comes from an EventSource, which hears nothing of a refusal that is not a stream. */
export function readsEvents(request: Request): boolean {
  return request.headers.get("Accept")?.toLowerCase().includes("text/event-stream") ?? false;
}

/** The query parameters in which EventSource polyfills send the last id, in lower case without `-` and `_`. */
const LAST_ID_PARAMETERS: ReadonlySet<string> = new Set(["lasteventid", "evslasteventid"]);

/**
 * The last id that a reconnecting EventSource has read: its header `Last-Event-ID`, otherwise the query parameter of a
 * polyfill, which avoids the header because that would need a preflight.
 */
export function lastEventIdOf(request: Request): string | undefined {
  const header = request.headers.get("Last-Event-ID");
  if (header !== null && header !== "") return header;
  for (const [name, value] of new URL(request.url).searchParams) {
    if (value !== "" && LAST_ID_PARAMETERS.has(name.toLowerCase().replace(/[-_]/g, ""))) return value;
  }
  return undefined;
}

/**
 * Refuses a stream in a way that an EventSource can hear: the error, then the end. One that may come back is told
 * when; one that must not gets a close, and 403 when it tries all the same.
 *
 * @param canRenew whether the client can send another token. An EventSource always repeats its URL, and an expired token
 *   in it never becomes valid again, so the page has to open another one
 */
export function refuseEvents(
  error: WireError,
  retryMs: number,
  { canRenew }: { canRenew: boolean },
): Response {
  countRefusal(error);
  const frame = errorFrame(error);
  const close = closeOf(error);
  const isUseless = ERRORS[error.code].recovery === "renew" && !canRenew;
  if (CLOSE_CODES[close].recovery === "reconnect" && !isUseless) {
    return eventStream(retry(frame.retryAfterMs ?? retryMs) + event(encodeFrame(frame)));
  }
  return eventStream(event(encodeFrame(frame), CLOSED_ID) + event(encodeFrame(closeFrame(close)), CLOSED_ID));
}
