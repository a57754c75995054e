import type { AnswerFrame } from "../../protocol/frames.ts";
import type { Clock } from "../runtime/timers.ts";
import { messagesUrl } from "./address.ts";
import { readPostReply, type HttpReply } from "./http-replies.ts";
import type { Batch, Target } from "./transport.ts";

/** The timeout of a POST, in milliseconds. After it the connection counts as dead. */
const POST_TIMEOUT_MS = 30_000;

/** Receives the replies to acts. */
export interface HttpActsListener {
  onReplies(frames: readonly AnswerFrame[]): void;
  /** The reply to the last batch arrived; {@link HttpActs.isBusy} may be false now. */
  onReady(): void;
  /** A POST of acts failed. */
  onFailure(reason: string): void;
}

/** Sends acts by POST, one request at a time, so that they arrive in order. */
export class HttpActs {
  readonly #target: Target;
  readonly #fetch: typeof fetch;
  readonly #clock: Pick<Clock, "startTimer">;
  readonly #listener: HttpActsListener;
  /** One for each open request. Older browsers cannot combine abort signals. */
  readonly #requests = new Set<AbortController>();
  #token: string | undefined;
  #isOver = false;
  isBusy = false;

  constructor(
    target: Target,
    fetch_: typeof fetch,
    clock: Pick<Clock, "startTimer">,
    listener: HttpActsListener,
  ) {
    this.#target = target;
    this.#fetch = fetch_;
    this.#clock = clock;
    this.#listener = listener;
    this.#token = target.token;
  }

  /** Sends a batch. Reports the replies, or that the request failed. */
  async send({ text, refs, authority }: Batch): Promise<void> {
    this.isBusy = true;
    let reply: HttpReply;
    try {
      reply = await this.#post(text, authority);
    } catch (error) {
      if (!this.#isOver) this.#listener.onFailure(String(error));
      return;
    }
    if (this.#isOver) return;
    this.isBusy = false;
    this.#listener.onReplies(readPostReply(refs, reply));
    if (!this.#isOver) this.#listener.onReady();
  }

  /** Sends a new token, which later requests carry too. The ack has the time until it expires. */
  async renew(token: string, authority: string): Promise<void> {
    this.#token = token;
    try {
      const reply = await this.#post(JSON.stringify({ type: "auth", token }), authority);
      const acks = readPostReply([undefined], reply).filter(({ type }) => type === "ack");
      if (!this.#isOver) this.#listener.onReplies(acks);
    } catch {
      // If the room keeps the old token, it ends the connection when that expires, and the client reconnects.
    }
  }

  /** Ends the membership. The page may be closing, so the request needs `keepalive`. */
  async leave(authority: string): Promise<void> {
    await this.#post('{"type":"leave"}', authority, { keepalive: true }).catch(() => undefined);
  }

  /** Sends a request with the newest token, and reads the whole response, both within a time limit. */
  async ask(url: string, init: RequestInit, timeoutMs: number): Promise<HttpReply> {
    const abort = new AbortController();
    this.#requests.add(abort);
    if (this.#isOver) abort.abort();
    const stop = this.#clock.startTimer(() => abort.abort(), timeoutMs);
    const bearer = this.#token === undefined ? undefined : { Authorization: `Bearer ${this.#token}` };
    const headers = { ...bearer, ...(init.headers as Record<string, string> | undefined) };
    try {
      const response = await this.#fetch(url, { ...init, headers, signal: abort.signal });
      return {
        status: response.status,
        text: await response.text(),
        retryAfter: response.headers.get("Retry-After"),
      };
    } finally {
      stop();
      this.#requests.delete(abort);
    }
  }

  /** Aborts all requests. Nothing is reported any more. */
  close(): void {
    this.#isOver = true;
    for (const abort of this.#requests) abort.abort();
  }

  #post(body: string, authority: string, init: RequestInit = {}): Promise<HttpReply> {
    const headers = { "Content-Type": "application/json", "Parlor-Session": authority };
    return this.ask(messagesUrl(this.#target), { ...init, method: "POST", headers, body }, POST_TIMEOUT_MS);
  }
}
