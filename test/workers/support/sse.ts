import { onTestFinished } from "vitest";
import { EventStream } from "../../support/event-stream.ts";
import {
  joinUrl,
  Member,
  type Act,
  type Departure,
  type JoinOptions,
  type Reply,
} from "../../support/member.ts";
import { ORIGIN, request, roomPath, type Serve } from "./rooms.ts";

/** How a test joins over Server-Sent Events. */
export interface SseJoin extends JoinOptions {
  /** The Last-Event-ID of a reconnecting EventSource. It takes precedence over `after`. */
  readonly lastEventId?: string;
  /** The handler of the request. @default the Worker of wrangler.toml */
  readonly to?: Serve;
}

/** The response to a POST: its status, headers and parsed body. */
export interface PostAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A member over Server-Sent Events whose stream is read in this test. It acts by POST. */
export class SseMember extends Member {
  readonly closed: Promise<Departure>;
  readonly stream = new EventStream();
  /** Resolves to true if the server ended the stream in order, and to false after a failure or an abort. */
  readonly ended: Promise<boolean>;
  readonly response: Response;
  readonly #room: string;
  readonly #abort: AbortController;

  constructor(room: string, response: Response, abort: AbortController) {
    const stream = new EventStream();
    super(stream.inbox);
    this.stream = stream;
    this.response = response;
    this.#room = room;
    this.#abort = abort;
    this.ended = this.#read();
    onTestFinished(() => this.vanish());
    this.closed = this.ended.then(() => {
      const last = this.inbox.all.findLast((frame) => frame.type === "close");
      return last === undefined ? { code: 1006, reason: "" } : { code: last.code, reason: last.reason };
    });
  }

  /** Sends one act, or an array of them, by POST. */
  post(acts: object | string, headers?: Readonly<Record<string, string>>): Promise<PostAnswer> {
    return post(this.#room, this, acts, headers);
  }

  close(): void {
    this.vanish();
  }

  /** Stops reading, like an EventSource that is closed. The server is not notified. */
  vanish(): void {
    this.#abort.abort();
  }

  protected async request(act: Act & { readonly ref: number }): Promise<Reply> {
    const { body } = await this.post(act);
    return body as Reply;
  }

  async #read(): Promise<boolean> {
    let isInOrder = true;
    try {
      for await (const chunk of this.response.body ?? []) this.stream.write(chunk);
    } catch {
      isInOrder = false;
    }
    this.inbox.end(`the stream (${this.response.status}) is over`);
    return isInOrder;
  }
}

/** Joins over Server-Sent Events. Resolves when the response has begun, whatever its status. */
export async function openEvents(room: string, options: SseJoin = {}): Promise<SseMember> {
  const url = new URL(joinUrl(ORIGIN, room, "/events", options));
  const headers = new Headers({ Accept: "text/event-stream", ...options.headers });
  if (options.lastEventId !== undefined) headers.set("Last-Event-ID", options.lastEventId);
  const abort = new AbortController();
  const response = await request(url.pathname + url.search, { headers, signal: abort.signal }, options.to);
  return new SseMember(room, response, abort);
}

/** Joins over Server-Sent Events. Resolves once the member has its welcome. */
export async function joinSse(room: string, options: SseJoin = {}): Promise<SseMember> {
  const member = await openEvents(room, options);
  await member.welcome();
  return member;
}

/** Acts by POST for a session. A text is sent unchanged. */
export async function post(
  room: string,
  as: { readonly session: string; readonly key: string },
  acts: object | string,
  headers: Readonly<Record<string, string>> = {},
  to?: Serve,
): Promise<PostAnswer> {
  const body = typeof acts === "string" ? acts : JSON.stringify(acts);
  const init = { method: "POST", headers: { "Parlor-Session": `${as.session}.${as.key}`, ...headers }, body };
  const response = await request(roomPath(room, "/messages"), init, to);
  return { status: response.status, headers: response.headers, body: await response.json() };
}
