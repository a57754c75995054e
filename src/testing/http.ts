import { errorFrame } from "../protocol/encode.ts";
import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { ERRORS, type WireError } from "../protocol/errors.ts";
import type { AnswerFrame } from "../protocol/frames.ts";
import { readAttempt } from "../protocol/attempts.ts";
import { closeOf } from "../protocol/refusals.ts";
import { receive } from "./acting.ts";
import type { Connection } from "./connection.ts";
import { CLOSED_ID, FakeStream } from "./fake-stream.ts";
import type { Host } from "./host.ts";

/** Serves a request: a join over SSE, or acts by POST. Other paths of a server are `not_found`. */
export async function serve(
  host: Host,
  request: Request,
  signal: AbortSignal | null | undefined,
): Promise<Response> {
  const url = new URL(request.url);
  const [, name, part] = /\/rooms\/([^/]+)\/(events|messages)\/*$/.exec(url.pathname) ?? [];
  if (name === undefined) return errorResponse({ code: "not_found" });
  if (request.method !== (part === "events" ? "GET" : "POST"))
    return errorResponse({ code: "method_not_allowed" });
  return part === "events" ? join(host, name, request, signal) : act(host, name, request);
}

function join(host: Host, name: string, request: Request, signal: AbortSignal | null | undefined): Response {
  const { searchParams: query } = new URL(request.url);
  const lastEventId = request.headers.get("Last-Event-ID") ?? undefined;
  if (lastEventId === CLOSED_ID) return errorResponse({ code: "closed_for_good" });
  let connection: Connection | undefined;
  const stream = new FakeStream(signal, () => {
    if (connection !== undefined) room.value?.ended(connection, false);
  });
  const room = host.roomOf(name);
  const token = tokenOf(request) ?? query.get("token") ?? undefined;
  const joined = room.error ?? host.join(room.value, { query, token, lastEventId }, stream);
  if ("member" in joined) {
    connection = joined;
    return stream.response;
  }
  if (request.headers.get("Accept")?.includes("text/event-stream") !== true) return errorResponse(joined);
  stream.reject(JSON.stringify(errorFrame(joined)), CLOSE_CODES[closeOf(joined)]);
  return stream.response;
}

async function act(host: Host, name: string, request: Request): Promise<Response> {
  const room = host.roomOf(name);
  if (room.error !== undefined) return errorResponse(room.error);
  const [session = "", key = "", number] = (request.headers.get("Parlor-Session") ?? "").split(".");
  const attempt = readAttempt(number);
  const actor = room.value.actorOf(session, host.userOf(tokenOf(request)), key);
  if (actor === undefined || !attempt.ok) return errorResponse({ code: "bad_session" });
  const body = await request.text();
  const results: AnswerFrame[] = [];
  let refused: WireError | undefined;
  const replies = {
    item: (index: number, frame: AnswerFrame) => void (results[index] = frame),
    whole: (error: WireError) => void (refused = error),
  };
  receive(room.value, { ...actor, attempt: attempt.value }, body, replies, host.rejections);
  if (refused !== undefined) return errorResponse(refused);
  const [first] = results;
  return first === undefined || /^\s*\[/.test(body) ? Response.json(results) : answer(first);
}

function tokenOf(request: Request): string | undefined {
  return /^Bearer +(.+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
}

function errorResponse(error: WireError): Response {
  return answer(errorFrame(error));
}

function answer(frame: AnswerFrame): Response {
  if (frame.type !== "error") return Response.json(frame);
  const { retryAfterMs } = frame;
  const headers: HeadersInit =
    retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfterMs / 1000)) };
  return Response.json(frame, { status: ERRORS[frame.code].http, headers });
}
