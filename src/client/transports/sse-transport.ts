import type { CLOSE_CODES } from "../../protocol/close-codes.ts";
import type { ErrorFrame } from "../../protocol/frames.ts";
import { eventsUrl, messagesUrl } from "./address.ts";
import { readPostReply, readRefusal, retryAfterMsOf, type HttpReply } from "./http-replies.ts";
import { realEnvironment } from "../runtime/environment.ts";
import { recoveryOf } from "../recovery.ts";
import { decodeServerText } from "./decode.ts";
import { SseParser } from "./sse-parser.ts";
import type { Clock } from "../runtime/timers.ts";
import type { Batch, Target, Transport, TransportEnd, TransportListener } from "./transport.ts";

// The compiler checks these against the table, which is not in the bundle.
const OVERLOADED: (typeof CLOSE_CODES)["overloaded"]["code"] = 4005;
const BAD_PROTOCOL: (typeof CLOSE_CODES)["bad_protocol"]["code"] = 4500;

/** The timeout of a POST, in milliseconds. After it the connection counts as dead. */
const POST_TIMEOUT_MS = 30_000;

/**
 * How long the stream may be silent while it owes the client's own message, in milliseconds. The server sends that message at
 * the same time as the reply to its POST. If only the reply arrives, a proxy holds the stream back, or the stream is dead.
 */
const OWED_MS = 5_000;

/**
 * A connection over Server-Sent Events. Acts are sent by POST, one request at a time, so that they arrive in order.
 *
 * The stream is read with `fetch`, because an EventSource hides statuses, headers and comments.
 */
export class SseTransport implements Transport {
  readonly #target: Target;
  readonly #listener: TransportListener;
  readonly #fetch: typeof fetch;
  /** One for each open request. Older browsers cannot combine abort signals. */
  readonly #requests = new Set<AbortController>();
  readonly #clock: Pick<Clock, "startTimer">;
  #isOver = false;
  #isPosting = false;
  #retryMs: number | undefined;
  /** The offset that the stream has reached. */
  #offset = 0;
  /** The offset of an act that has a reply, and that the stream owes; 0 if there is none. */
  #owed = 0;
  #stopWaiting: (() => void) | undefined;
  #token: string | undefined;

  constructor(
    target: Target,
    listener: TransportListener,
    fetch_: typeof fetch,
    clock: Pick<Clock, "startTimer"> = realEnvironment,
  ) {
    this.#clock = clock;
    this.#target = target;
    this.#listener = listener;
    this.#fetch = fetch_;
    this.#token = target.token;
    void this.#run();
  }

  get isBusy(): boolean {
    return this.#isPosting;
  }

  send(batch: Batch): void {
    this.#isPosting = true;
    void this.#post(batch);
  }

  renew(token: string, authority: string): void {
    this.#token = token;
    // If this fails, the stream ends when the old token expires, and the client reconnects.
    void this.#renew(JSON.stringify({ type: "auth", token }), authority).catch(() => undefined);
  }

  ping(): void {
    // The server sends comments without pings.
  }

  async leave(authority: string): Promise<void> {
    // The page may be closing, so the request needs `keepalive`.
    await this.#ask('{"type":"leave"}', authority, { keepalive: true }).catch(() => undefined);
  }

  close(): void {
    this.#isOver = true;
    this.#stopWaiting?.();
    this.#abortAll();
  }

  async #run(): Promise<void> {
    const abort = this.#begin();
    try {
      // Without a token the request has only safelisted headers, so it needs no preflight. It has no `Accept` for events, so
      // that a rejection has a status (rule S7).
      const response = await this.#fetch(eventsUrl(this.#target), {
        cache: "no-store",
        ...(this.#token !== undefined && { headers: this.#bearer }),
        signal: abort.signal,
      });
      const type = response.headers.get("Content-Type") ?? "";
      if (!response.ok || !type.startsWith("text/event-stream")) {
        return this.#refused(await readReply(response));
      }
      // Not every `fetch` can stream, for example React Native's cannot.
      const reader = response.body?.getReader?.();
      if (reader === undefined)
        throw new TypeError("this fetch returned no body that can be read as a stream");
      await this.#read(reader);
      this.#end({ code: 1006, reason: "the stream ended" });
    } catch (error) {
      this.#end({ code: 1006, reason: String(error) });
    }
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const parser = new SseParser({
      onRetry: (ms) => {
        this.#retryMs = ms;
      },
      onEvent: (data, id) => this.#receive(data, id),
    });
    while (!this.#isOver) {
      const { done, value } = await reader.read();
      if (done || this.#isOver) return;
      this.#listener.onActive();
      parser.feed(value);
      this.#await(this.#owed);
    }
  }

  #receive(data: string, id: string): void {
    if (this.#isOver) return;
    const offset = Number(id.split(":")[1]);
    // The offset is lower if the room's log has begun again.
    if (offset >= this.#owed || offset < this.#offset) this.#owed = 0;
    if (offset >= 0) this.#offset = offset;
    const frames = decodeServerText(data);
    this.#listener.onFrames(frames, id);
    const close = frames.find((frame) => frame.type === "close");
    if (close !== undefined) this.#end(close);
  }

  /** Reports a rejection over HTTP as a WebSocket would have: the error, then the close. */
  #refused(reply: HttpReply): void {
    const error = readRefusal(reply);
    if (error === undefined) {
      const reason = `the server responded to the stream request with status ${reply.status}`;
      return this.#end({ code: 1006, reason, retryMs: retryAfterMsOf(reply.retryAfter) });
    }
    if (this.#isOver) return;
    this.#listener.onFrames([error]);
    this.#end({ code: closeCodeOf(error, reply.status), reason: error.message });
  }

  async #post({ text, refs, authority }: Batch): Promise<void> {
    let reply: HttpReply;
    try {
      reply = await this.#ask(text, authority);
    } catch (error) {
      // The stream is probably dead too, so the client reconnects.
      return this.#end({ code: 1006, reason: String(error) });
    }
    if (this.#isOver) return;
    this.#isPosting = false;
    const frames = readPostReply(refs, reply);
    this.#listener.onFrames(frames);
    if (this.#isOver) return;
    const owed = Math.max(0, ...frames.map((frame) => (frame.type === "ack" && frame.offset) || 0));
    if (owed > this.#offset && this.#owed === 0) this.#await(owed);
    this.#listener.onReady();
  }

  /** Ends the connection if nothing arrives while the stream owes an offset; for 0, does not wait. */
  #await(owed: number): void {
    this.#owed = owed;
    this.#stopWaiting?.();
    if (owed === 0 || this.#isOver) return;
    const reason = `the stream carried nothing for ${OWED_MS} ms, although a reply arrived`;
    this.#stopWaiting = this.#clock.startTimer(
      () => this.#end({ code: 1006, reason, silentMs: OWED_MS }),
      OWED_MS,
    );
  }

  /** Sends a new token. The ack has the time until it expires. */
  async #renew(text: string, authority: string): Promise<void> {
    const frames = readPostReply([undefined], await this.#ask(text, authority));
    if (!this.#isOver) this.#listener.onFrames(frames.filter(({ type }) => type === "ack"));
  }

  /** Sends a POST and reads the response, both within the time limit of a POST. */
  async #ask(body: string, authority: string, init: RequestInit = {}): Promise<HttpReply> {
    const abort = this.#begin();
    const stop = this.#clock.startTimer(() => abort.abort(), POST_TIMEOUT_MS);
    try {
      const response = await this.#fetch(messagesUrl(this.#target), {
        ...init,
        method: "POST",
        headers: { ...this.#bearer, "Content-Type": "application/json", "Parlor-Session": authority },
        body,
        signal: abort.signal,
      });
      return await readReply(response);
    } finally {
      stop();
      this.#requests.delete(abort);
    }
  }

  /** The controller that ends a request. No request starts after the end of the transport. */
  #begin(): AbortController {
    const abort = new AbortController();
    this.#requests.add(abort);
    if (this.#isOver) abort.abort();
    return abort;
  }

  #abortAll(): void {
    for (const abort of this.#requests) abort.abort();
  }

  get #bearer(): { readonly Authorization?: string } {
    return this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  #end(end: TransportEnd): void {
    if (this.#isOver) return;
    this.close(); // open POSTs too; the client repeats their acts
    this.#listener.onEnd({ ...end, retryMs: end.retryMs ?? this.#retryMs });
  }
}

async function readReply(response: Response): Promise<HttpReply> {
  return {
    status: response.status,
    text: await response.text(),
    retryAfter: response.headers.get("Retry-After"),
  };
}

/** The close code for a rejected stream, from its error's recovery; for an error newer than this code, from its status. */
function closeCodeOf(error: ErrorFrame, status: number): number {
  const mayHelp = recoveryOf(error) !== "give up" || status === 429 || status >= 500;
  return mayHelp ? OVERLOADED : BAD_PROTOCOL;
}
