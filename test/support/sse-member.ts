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
  /** What a returning EventSource sends; it wins over `after`. */
  lastEventId?: string;
}

/** How a stream ended: by the server, by this reader, or by a failure on the way. */
export type StreamEnd = "ended" | "aborted" | "failed";

/** The answer to a POST. */
export interface PostAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or the text of what is not JSON. */
  readonly body: unknown;
}

/** A member over Server-Sent Events that acts with POST requests, all by `fetch`. */
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

  /** The HTTP status of the stream. An EventSource gives up for ever on any but 200. */
  get status(): number {
    return this.#response.status;
  }

  /** The response headers of the stream. */
  get headers(): Headers {
    return this.#response.headers;
  }

  /** What an EventSource would come back with as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#stream.lastEventId;
  }

  /** The events as they came, with their ids. */
  get events(): EventStream["events"] {
    return this.#stream.events;
  }

  /** How many comments came. */
  get comments(): number {
    return this.#stream.comments;
  }

  /** The last `retry:`, in milliseconds; `undefined` before one came. */
  get retryMs(): number | undefined {
    return this.#stream.retryMs;
  }

  /** The bytes of the stream so far. */
  get bytesReceived(): number {
    return this.#stream.bytesReceived;
  }

  /** Sends one act, or an array of them, as they are. */
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

  /** Ends the stream as an EventSource's `close()` does: the server is not told. */
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
    if (typeof body !== "object")
      throw new Error(`POST was answered with ${status}: ${JSON.stringify(body)}`);
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

/** Joins a room over Server-Sent Events; resolves when the response has begun, whatever its status. */
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
