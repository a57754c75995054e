import type { CLOSE_CODES } from "../../protocol/close-codes.ts";
import type { ErrorFrame, ServerFrame } from "../../protocol/frames.ts";
import { recoveryOf } from "../recovery.ts";
import type { Clock } from "../runtime/timers.ts";
import { messagesUrl } from "./address.ts";
import { readPostReply, readRefusal, readReply, retryAfterMsOf, type HttpReply } from "./http-replies.ts";
import type { Batch, Target, Transport, TransportEnd, TransportListener } from "./transport.ts";

// The compiler checks these against the table, which is not in the bundle.
const OVERLOADED: (typeof CLOSE_CODES)["overloaded"]["code"] = 4005;
const BAD_PROTOCOL: (typeof CLOSE_CODES)["bad_protocol"]["code"] = 4500;

/** The timeout of a POST, in milliseconds. After it the connection counts as dead. */
const POST_TIMEOUT_MS = 30_000;

/**
 * A connection that consists of HTTP requests. Acts are sent by POST, one request at a time, so that they arrive in order. How
 * frames are received is a function of the caller: a stream or polls.
 */
export class HttpTransport implements Transport {
  isBusy = false;
  /** Whether the connection has ended. Nothing is reported any more. */
  isOver = false;
  /** The reconnect delay that the server requests for a connection that breaks. */
  retryMs: number | undefined;
  /** Called with the replies to a POST, after the listener. */
  onReplies: ((frames: readonly ServerFrame[]) => void) | undefined;
  /** Called when the connection is closed or ends. */
  onClose: (() => void) | undefined;
  readonly #target: Target;
  readonly #listener: TransportListener;
  readonly #fetch: typeof fetch;
  readonly #clock: Pick<Clock, "startTimer">;
  /** One for each open request. Older browsers cannot combine abort signals. */
  readonly #requests = new Set<AbortController>();
  /** The request of a leave. The room ends the connection before it responds to that, so only {@link close} aborts it. */
  readonly #leave = new AbortController();
  #token: string | undefined;

  /** @param receive receives frames until the connection ends. If it rejects, the connection is broken */
  constructor(
    target: Target,
    listener: TransportListener,
    fetch_: typeof fetch,
    clock: Pick<Clock, "startTimer">,
    receive: (http: HttpTransport) => Promise<void>,
  ) {
    this.#target = target;
    this.#listener = listener;
    this.#fetch = fetch_;
    this.#clock = clock;
    this.#token = target.token;
    receive(this).catch((error: unknown) => this.#broken(error));
  }

  send(batch: Batch): void {
    this.isBusy = true;
    void this.#send(batch);
  }

  renew(token: string, authority: string): void {
    this.#token = token;
    // If this fails and the room keeps the old token, the connection ends when that expires, and the client reconnects.
    void this.#renew(JSON.stringify({ type: "auth", token }), authority).catch(() => undefined);
  }

  ping(): void {
    // The server sends comments, or answers polls, without pings.
  }

  async leave(authority: string): Promise<void> {
    // The page may be closing, so the request needs `keepalive`.
    await this.#post('{"type":"leave"}', authority, { keepalive: true }, this.#leave).catch(() => undefined);
  }

  close(): void {
    this.#stop();
    this.#leave.abort();
  }

  /** Frames arrived. A close frame ends the connection. */
  received(frames: readonly ServerFrame[], position?: string): void {
    if (this.isOver) return;
    this.#listener.onFrames(frames, position);
    const close = frames.find((frame) => frame.type === "close");
    if (close !== undefined) this.end(close);
  }

  /**
   * The server rejected a request to receive frames.
   *
   * @param what the request, for people
   * @param isJoin whether it was to join. The rejection is then reported as a WebSocket would: the error, then the close
   */
  rejected(reply: HttpReply, what: string, isJoin: boolean): void {
    const error = readRefusal(reply);
    if (error === undefined) {
      const reason = `the server responded to ${what} with status ${reply.status}`;
      return this.end({ code: 1006, reason, retryMs: retryAfterMsOf(reply.retryAfter) });
    }
    if (isJoin) this.received([error]);
    this.end({ code: closeCodeOf(error, reply.status), reason: error.message, retryMs: error.retryAfterMs });
  }

  /** The connection has ended. Its open requests, except a leave, are aborted, and the client repeats their acts. */
  end(end: TransportEnd): void {
    if (this.isOver) return;
    this.#stop();
    this.#listener.onEnd({ ...end, retryMs: end.retryMs ?? this.retryMs });
  }

  /** Sends a request with the newest token, and reads the whole response, both within a time limit. */
  async ask(
    url: string,
    init: RequestInit,
    timeoutMs: number,
    abort = new AbortController(),
  ): Promise<HttpReply> {
    const stop = this.#clock.startTimer(() => abort.abort(), timeoutMs);
    try {
      return await readReply(await this.request(url, init, abort));
    } finally {
      stop();
      this.#requests.delete(abort);
    }
  }

  /** Sends a request with the newest token. The end of the connection aborts it, unless it is a leave. */
  request(url: string, init: RequestInit, abort = new AbortController()): Promise<Response> {
    this.#requests.add(abort);
    if (this.isOver) abort.abort();
    // Without a token, a request that only receives has only safelisted headers, so it needs no preflight.
    const bearer = this.#token === undefined ? undefined : { Authorization: `Bearer ${this.#token}` };
    const headers = { ...bearer, ...(init.headers as Record<string, string> | undefined) };
    return this.#fetch(url, { ...init, headers, signal: abort.signal });
  }

  async #send({ text, refs, authority }: Batch): Promise<void> {
    try {
      const reply = await this.#post(text, authority);
      if (this.isOver) return;
      this.isBusy = false;
      const frames = readPostReply(refs, reply);
      this.#listener.onFrames(frames);
      if (this.isOver) return;
      this.onReplies?.(frames);
      this.#listener.onReady();
    } catch (error) {
      // The requests to receive probably fail too, so the client reconnects.
      this.#broken(error);
    }
  }

  /** Sends a new token. The ack has the time until it expires. */
  async #renew(text: string, authority: string): Promise<void> {
    const frames = readPostReply([undefined], await this.#post(text, authority));
    this.received(frames.filter(({ type }) => type === "ack"));
  }

  #post(
    body: string,
    authority: string,
    init: RequestInit = {},
    abort?: AbortController,
  ): Promise<HttpReply> {
    const headers = { "Content-Type": "application/json", "Parlor-Session": authority };
    const url = messagesUrl(this.#target);
    return this.ask(url, { ...init, method: "POST", headers, body }, POST_TIMEOUT_MS, abort);
  }

  /** Reports nothing more, and aborts the open requests except a leave. */
  #stop(): void {
    this.isOver = true;
    this.onClose?.();
    for (const abort of this.#requests) if (abort !== this.#leave) abort.abort();
  }

  #broken(error: unknown): void {
    this.end({ code: 1006, reason: String(error) });
  }
}

/** The close code for a rejection, from its error's recovery; for an error newer than this code, from its status. */
function closeCodeOf(error: ErrorFrame, status: number): number {
  const mayHelp = recoveryOf(error) !== "give up" || status === 429 || status >= 500;
  return mayHelp ? OVERLOADED : BAD_PROTOCOL;
}
