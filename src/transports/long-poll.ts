import type { BridgeFrame } from "../protocol/bridge-frames.ts";
import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { ANSWERED } from "../protocol/contract.ts";
import { encodeFrame } from "../protocol/encode.ts";
import { MAX_POLL_WAIT_S } from "../protocol/polls.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { shown } from "../protocol/shown.ts";
import { EventWriter } from "./event-writer.ts";
import { ResponseEnd, type ResponseRequest } from "./response-end.ts";
import { RoomSocket } from "./room-socket.ts";

/** How long a client waits to poll again after its room has failed, in milliseconds. Each one gets a random time up to twice this. */
const RETRY_MS = 500;

/** Reads how many seconds a poll waits. */
export function readWait(query: URLSearchParams): Result<number> {
  const [text = String(MAX_POLL_WAIT_S), ...more] = query.getAll("wait");
  const bounds = `must be a whole number of seconds from 0 to ${MAX_POLL_WAIT_S}`;
  if (more.length > 0)
    return err({ code: "bad_request", message: `wait is given more than once; ${bounds}` });
  if (/^\d{1,2}$/.test(text) && Number(text) <= MAX_POLL_WAIT_S) return ok(Number(text));
  return err({ code: "bad_request", message: `wait is ${shown(text)}, ${bounds}` });
}

/** The client of a poll. */
export interface Poller {
  /** The position that the client sent. */
  readonly after: string | undefined;
  readonly waitS: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until the room has responded to a poll, or until the time is over. The connection to the room lasts as long as this. The
 * room closes it when it has sent something, so that the response is complete. It hibernates while it has nothing to send.
 *
 * @returns the body of the response as JSON text: an array that ends with the client's position
 */
export function awaitAnswer(socket: WebSocket, { after, waitS, signal }: Poller): Promise<Result<string>> {
  return new Promise((resolve) => {
    const items: string[] = [];
    let position = after;
    const finish = (): void => {
      clearTimeout(timer);
      resolve(position === undefined ? failed() : ok(answerOf(items, position)));
    };
    const room = new RoomSocket(socket, {
      onFrame: (frame) => {
        items.push(itemsOf(frame));
        position = frame.position;
      },
      onEnd: (code, reason) => {
        if (code >= 4000) items.push(encodeFrame({ type: "close", code, reason }));
        if (code !== ANSWERED.code && items.length === 0) position = undefined; // The room has crashed.
        finish();
      },
    });
    const stop = (): void => {
      room.close(CLOSE_CODES.rotated.code, CLOSE_CODES.rotated.text);
      finish();
    };
    // The room itself ends a poll that does not wait, except a room of older code.
    const timer = setTimeout(stop, Math.max(1, waitS) * 1_000);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
}

/** Makes the response with this body, whose reader is cut off if it does not take it. */
export function answerPoll(answer: string, request: ResponseRequest): Response {
  const { readable, writable } = new IdentityTransformStream();
  const writer = new EventWriter(writable.getWriter(), {
    onTaken: () => end.taken(),
    onGone: () => request.place?.end(),
  });
  const end = new ResponseEnd(writer, request);
  writer.write(answer);
  end.begin();
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  return new Response(readable, { headers });
}

/** The items of a frame, without the brackets of an array. */
function itemsOf({ text }: BridgeFrame): string {
  return text.startsWith("[") ? text.slice(1, -1) : text;
}

function answerOf(items: readonly string[], position: string): string {
  return `[${[...items, encodeFrame({ type: "position", position, reason: "polled" })].join(",")}]`;
}

/** The clients of a room that has crashed poll again at different times. */
function failed(): Result<never> {
  const retryAfterMs = Math.round(RETRY_MS * (1 + Math.random()));
  return err({ code: "unavailable", message: "the room has restarted; poll again", retryAfterMs });
}
