import { mayReconnect } from "../../../src/protocol/close-codes.ts";
import { ERRORS, type ErrorRow } from "../../../src/protocol/errors.ts";
import type { AnswerFrame, ErrorFrame, ServerFrame } from "../../../src/protocol/frames.ts";
import type { ScriptedConnection } from "./scripted-connection.ts";

/** A POST that has no response yet. */
interface Post {
  readonly refs: readonly (number | undefined)[];
  readonly isArray: boolean;
  readonly replies: Map<number, AnswerFrame>;
  readonly respond: (response: Response) => void;
}

/** An event stream and the POSTs of its client. The test plays the server. */
class ScriptedStream implements ScriptedConnection {
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  readonly sent: unknown[] = [];
  readonly closedWith = undefined;
  /** The response to the join. It is a stream, or the error of a rejected join. */
  readonly response: Promise<Response>;
  readonly #respond: (response: Response) => void;
  readonly #encoder = new TextEncoder();
  readonly #posts: Post[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #position = "";

  constructor(url: URL) {
    this.query = url.searchParams;
    this.key = url.searchParams.get("key") ?? undefined;
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#respond = resolve;
  }

  /** The client sends acts. A leave has no ref, so its reply is sent at once. */
  post(body: string): Promise<Response> {
    const parsed: unknown = JSON.parse(body);
    const items = [parsed].flat() as { readonly ref?: number }[];
    this.sent.push(...items);
    const refs = items.map(({ ref }) => ref);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const post = {
      refs,
      isArray: Array.isArray(parsed),
      replies: new Map<number, AnswerFrame>(),
      respond: resolve,
    };
    this.#posts.push(post);
    this.#settle();
    return promise;
  }

  deliver(frames: readonly object[]): void {
    const others = (frames as readonly ServerFrame[]).filter((frame) => !this.#isReply(frame));
    const [first] = others;
    this.#settle();
    if (first === undefined) return;
    if (first.type === "error" && this.#controller === undefined) return this.#reject(first);
    if (this.#controller === undefined) this.#open();
    for (const frame of others) this.#move(frame);
    this.#write(others, this.#position);
  }

  end(code: number): void {
    if (code < 4000) this.#controller?.error(new TypeError("the network failed"));
    else {
      this.#write([{ type: "close", code, reason: "" }], mayReconnect(code) ? undefined : "~closed");
      this.#controller?.close();
    }
    this.#controller = undefined;
    for (const { respond } of this.#posts.splice(0)) respond(new Response("", { status: 502 }));
  }

  /** Keeps the reply to an act of a POST for its response. */
  #isReply(frame: ServerFrame): boolean {
    if (!("ref" in frame) || frame.ref === undefined) return false;
    const { ref } = frame;
    const post = this.#posts.find(({ refs }) => refs.includes(ref));
    post?.replies.set(ref, frame);
    return post !== undefined;
  }

  /** Responds to the POSTs whose acts all have a reply. */
  #settle(): void {
    for (const post of [...this.#posts]) {
      if (post.refs.some((ref) => ref !== undefined && !post.replies.has(ref))) continue;
      this.#posts.splice(this.#posts.indexOf(post), 1);
      const replies = post.refs.map((ref) => post.replies.get(ref ?? 0) ?? { type: "ack" as const });
      const [reply] = replies;
      post.respond(post.isArray || reply === undefined ? Response.json(replies) : responseOf(reply));
    }
  }

  #open(): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.#respond(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  }

  #reject(error: ErrorFrame): void {
    this.#respond(responseOf(error));
  }

  /** The position after a frame, as the id of its event has it. */
  #move(frame: ServerFrame): void {
    if (frame.type === "welcome" || frame.type === "position") this.#position = frame.position;
    else if ((frame.type === "message" || frame.type === "state") && frame.offset !== undefined)
      this.#position = `${this.#position.split(":")[0]}:${frame.offset}`;
  }

  #write(frames: readonly object[], id: string | undefined): void {
    const text = `${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(frames)}\n\n`;
    this.#controller?.enqueue(this.#encoder.encode(text));
  }
}

/** The response to a single act or to a rejected join. */
function responseOf(frame: AnswerFrame): Response {
  if (frame.type !== "error") return Response.json(frame);
  const row: ErrorRow | undefined = ERRORS[frame.code];
  return Response.json(frame, { status: row?.http ?? 400 });
}

/** A `fetch` that opens such streams. They are added to the list. */
export function scriptedFetch(opened: ScriptedConnection[]): typeof fetch {
  const streams: ScriptedStream[] = [];
  return async (input, init) => {
    const url = new URL(input as string);
    if (init?.method === "POST") {
      const stream = streams.at(-1);
      if (stream === undefined) throw new TypeError("no stream is open");
      return stream.post(init.body as string);
    }
    const stream = new ScriptedStream(url);
    streams.push(stream);
    opened.push(stream);
    return stream.response;
  };
}
