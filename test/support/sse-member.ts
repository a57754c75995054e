import { EventStream } from "./event-stream.ts";
import {
  joinUrl,
  Member,
  roomUrl,
  type Act,
  type Departure,
  type JoinOptions,
  type Reply,
} from "./member.ts";

/** How a test joins over Server-Sent Events. */
export interface SseJoinOptions extends JoinOptions {
  /** The `Last-Event-ID` of an EventSource that reconnects. It overrides `after`. */
  lastEventId?: string;
}

/** How a stream ended: by the server, by this reader, or by a network failure. */
export type StreamEnd = "ended" | "aborted" | "failed";

/** The response to a POST. */
export interface PostAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or the text if it is not JSON. */
  readonly body: unknown;
}

/** A member over Server-Sent Events that acts with POST requests. It uses `fetch` for both. */
export class SseMember extends Member {
  /** Resolves when the stream has ended. */
  readonly ended: Promise<StreamEnd>;
  readonly closed: Promise<Departure>;
  readonly #response: Response;
  readonly #stream: EventStream;
  readonly #abort: AbortController;
  readonly #messagesUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    response: Response,
    abort: AbortController,
    messagesUrl: string,
    headers: Readonly<Record<string, string>>,
  ) {
    const stream = new EventStream();
    super(stream.inbox);
    this.#stream = stream;
    this.#response = response;
    this.#abort = abort;
    this.#messagesUrl = messagesUrl;
    this.#headers = headers;
    this.ended = this.#read();
    this.closed = this.ended.then((end) => {
      const last = stream.inbox.all.findLast((frame) => frame.type === "close");
      return last === undefined ? { code: 1006, reason: end } : { code: last.code, reason: last.reason };
    });
  }

  /** The HTTP status of the stream. An EventSource gives up permanently on any other than 200. */
  get status(): number {
    return this.#response.status;
  }

  /** The response headers of the stream. */
  get headers(): Headers {
    return this.#response.headers;
  }

  /** The `Last-Event-ID` that an EventSource would reconnect with. */
  get lastEventId(): string {
    return this.#stream.lastEventId;
  }

  /** The received events with their ids. */
  get events(): EventStream["events"] {
    return this.#stream.events;
  }

  /** How many comments arrived. */
  get comments(): number {
    return this.#stream.comments;
  }

  /** The last `retry:`, in milliseconds; `undefined` before the first. */
  get retryMs(): number | undefined {
    return this.#stream.retryMs;
  }

  /** The bytes of the stream so far. */
  get bytesReceived(): number {
    return this.#stream.bytesReceived;
  }

  /** Sends one act or an array of acts unchanged. */
  async post(acts: object): Promise<PostAnswer> {
    await this.welcome();
    const response = await fetch(this.#messagesUrl, {
      method: "POST",
      headers: {
        ...this.#headers,
        "content-type": "application/json",
        "parlor-session": `${this.session}.${this.key}`,
      },
      body: JSON.stringify(acts),
    });
    const body = await response.text();
    return { status: response.status, headers: response.headers, body: jsonOr(body) };
  }

  /** Ends the stream like `close()` of an EventSource, without notifying the server. */
  abort(): void {
    this.#abort.abort();
  }

  close(): void {
    this.abort();
  }

  vanish(): void {
    this.abort();
  }

  protected async request(act: Act & { readonly ref: number }): Promise<Reply> {
    const { status, body } = await this.post(act);
    if (typeof body !== "object") throw new Error(`POST failed with ${status}: ${JSON.stringify(body)}`);
    return body as Reply;
  }

  async #read(): Promise<StreamEnd> {
    const how = await this.#readToTheEnd();
    this.inbox.end(`the stream (${this.status}) has ${how}`);
    return how;
  }

  async #readToTheEnd(): Promise<StreamEnd> {
    try {
      for await (const chunk of this.#response.body ?? []) this.#stream.write(chunk);
      return "ended";
    } catch {
      return this.#abort.signal.aborted ? "aborted" : "failed";
    }
  }
}

/** Joins a room over Server-Sent Events. Resolves when the response has begun, with any status. */
export async function joinSse(
  server: { readonly url: string },
  room: string,
  options: SseJoinOptions = {},
): Promise<SseMember> {
  const abort = new AbortController();
  const { headers = {}, lastEventId } = options;
  const response = await fetch(joinUrl(server.url, room, "/events", options), {
    headers: {
      ...headers,
      accept: "text/event-stream",
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: abort.signal,
  });
  return new SseMember(response, abort, roomUrl(server.url, room, "/messages"), headers);
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
