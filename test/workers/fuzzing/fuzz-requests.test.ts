import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { ERRORS, type ErrorCode } from "../../../src/protocol/errors.ts";
import { EventStream } from "../../support/event-stream.ts";
import { awaitedCases, parts } from "../../support/fuzzing.ts";
import { anyRequest, fillIn, type HostileRequest } from "../../support/hostile-requests.ts";
import { INTERNALS, watchErrors } from "./watch.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { ORIGIN, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { token } from "../support/tokens.ts";
import { join } from "../support/websocket.ts";

const to = serveKinds;

/** Each test sends this many batches of this many requests: 2,500 in total. `npm run test:long` draws more. */
const [PARTS, BATCHES, REQUESTS] = [5, 10, 50];

/** How long a request may take. Generous, because the time passes only when a response is missing. */
const PATIENCE_MS = 5_000;

const CODES = Object.keys(ERRORS);

/** Fails unless a body is an error frame as in E1 that exposes no internals. */
function expectError(body: string, status?: number): void {
  const error = JSON.parse(body) as { readonly code: ErrorCode; readonly message: string };
  expect(error).toMatchObject({ type: "error", message: expect.any(String) });
  expect(CODES).toContain(error.code);
  const known = ["type", "code", "message", "ref", "retryAfterMs", "limit", "versions"];
  expect(known).toEqual(expect.arrayContaining(Object.keys(error)));
  expect(error.code).not.toBe("internal");
  expect(error.message).not.toMatch(INTERNALS);
  if (status !== undefined) expect(status).toBe(ERRORS[error.code].http);
}

/** Sends a request, and fails unless PROTOCOL.md documents the response. */
async function expectAnswer({ method, path, headers, body }: HostileRequest): Promise<void> {
  const abort = new AbortController();
  const address = { "CF-Connecting-IP": uniqueAddress() };
  const request = new Request(ORIGIN + path, {
    ...{ method, headers: { ...headers, ...address }, signal: abort.signal },
    ...(body !== undefined && { body }),
  });
  try {
    await within(PATIENCE_MS, async () => expectKnown(await to(request), request));
  } finally {
    abort.abort();
  }
}

/** Waits for the work, with a timeout. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  const expiry = Promise.withResolvers<never>();
  const timer = setTimeout(() => expiry.reject(new Error(`no response within ${ms} ms`)), ms);
  try {
    await Promise.race([work(), expiry.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function expectKnown(response: Response, request: Request): Promise<void> {
  const socket = response.webSocket;
  if (socket !== null) {
    expect([response.status, request.method]).toEqual([101, "GET"]);
    return expectSocket(socket);
  }
  expect([200, 204]).toContain(response.ok ? response.status : 200);
  if (response.headers.get("Content-Type")?.startsWith("text/event-stream") === true) {
    return expectEvents(response);
  }
  const text = await response.text();
  if (request.method === "HEAD" || response.status === 204) return expect(text).toBe("");
  if (!response.ok) return expectError(text, response.status);
  expect(() => JSON.parse(text) as unknown).not.toThrow();
}

/** The first frame of a socket that opens accepts or rejects the client. */
async function expectSocket(socket: WebSocket): Promise<void> {
  const first = new Promise<string>((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(String(data)));
  });
  socket.accept();
  const frame = await first;
  socket.close(1000);
  if (!frame.startsWith('{"type":"welcome"')) expectError(frame);
}

/** The first event of a stream accepts or rejects the client. */
async function expectEvents(response: Response): Promise<void> {
  const stream = new EventStream();
  for await (const chunk of response.body ?? []) {
    stream.write(chunk as Uint8Array);
    if (stream.events.length > 0) break;
  }
  const frame = stream.events[0]?.data ?? "";
  if (!frame.startsWith('{"type":"welcome"')) expectError(frame);
}

async function send(requests: readonly (HostileRequest | null)[]): Promise<void> {
  const errors = watchErrors();
  const room = uniqueRoom("roomy");
  const [ana, bob, eve] = [await join(room, { to }), await joinSse(room, { to }), await join(room, { to })];
  const { awakeSince } = await kindsRoom(room).info();
  const values = {
    ...{ room, member: ana.member, position: ana.position, token: await token() },
    ...{ session: `${eve.session}.${eve.key}`, key: eve.key },
  };
  for (const request of requests) if (request !== null) await expectAnswer(fillIn(request, values));

  const { offset } = (await ana.publish("polite", 1)) as { offset?: number };
  for (const { inbox } of [ana, bob]) {
    await inbox.until(({ messages }) => messages.at(-1)?.offset === offset);
    // No request published as ana, and neither ana nor bob was reported as gone.
    expect(inbox.messages.filter(({ from }) => from === ana.member)).toHaveLength(1);
    const gone = inbox.all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : []));
    expect(gone.map(({ id }) => id)).not.toEqual(expect.arrayContaining([ana.member]));
    expect(gone.map(({ id }) => id)).not.toEqual(expect.arrayContaining([bob.member]));
  }
  expect((await kindsRoom(room).info()).awakeSince).toBe(awakeSince);
  errors.expectNone();
  for (const member of [ana, bob, eve]) member.vanish();
}

afterEach(() => vi.restoreAllMocks());

it.each(parts(PARTS))(
  "[E1 H1 H4 N1 J7 J8 S7 G12] every request receives a documented response, and no member is affected: part %i",
  { timeout: 300_000 },
  async () => {
    // A fixed length, so that the number of requests is as documented. Shrinking omits them one by one.
    const batch = fc.array(fc.option(anyRequest, { freq: 1_000_000 }), {
      ...{ minLength: REQUESTS, maxLength: REQUESTS, size: "max" },
    });

    await fc.assert(fc.asyncProperty(batch, send), awaitedCases(BATCHES));
  },
);
