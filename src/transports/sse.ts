import { encodeFrame, errorFrame, closeFrame } from "../protocol/encode.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import { closeOf } from "../protocol/refusals.ts";
import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { countRefusal } from "./edge-counts.ts";

/**
 * The `id:` of a close after which the client must not retry. It is not a position. An EventSource always reconnects and
 * repeats the id as `Last-Event-ID`. The Worker then responds with 403, which ends the EventSource.
 */
export const CLOSED_ID = "~closed";

/** A comment. It keeps proxies from closing an idle stream, and detects a reader that has disconnected. */
export const HEARTBEAT = ": \n\n";

/** Encodes an event: a frame, and the reader's position after it. */
export function event(text: string, id?: string): string {
  return id === undefined ? `data: ${text}\n\n` : `id: ${id}\ndata: ${text}\n\n`;
}

/** Encodes how long an EventSource waits before it reconnects, in milliseconds. */
export function retry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

/** Makes the response for a stream of events, with headers that keep caches and proxies from buffering it. */
export function eventStream(body: ReadableStream | string): Response {
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    },
  });
}

/** Whether the request is from an EventSource, which exposes an error to its page only if the response is a stream. */
export function readsEvents(request: Request): boolean {
  return request.headers.get("Accept")?.toLowerCase().includes("text/event-stream") ?? false;
}

/** The query parameters in which EventSource polyfills send the last id, in lower case without `-` and `_`. */
const LAST_ID_PARAMETERS: ReadonlySet<string> = new Set(["lasteventid", "evslasteventid"]);

/**
 * Reads the last id that a reconnecting EventSource has received. It is in the header `Last-Event-ID`, or in a query
 * parameter if a polyfill avoids the preflight that the header would need.
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
 * Refuses a stream in a way that an EventSource can read: an error event, then the end. A client that may reconnect
 * receives a retry time. A client that must not receives a close, and 403 if it reconnects nevertheless.
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
