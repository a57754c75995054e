import { mayReconnect } from "../../../src/protocol/close-codes.ts";
import type { ErrorFrame, ServerFrame } from "../../../src/protocol/frames.ts";
import type { ScriptedConnection } from "./scripted-connection.ts";
import { ScriptedPolls } from "./scripted-polls.ts";
import { ScriptedPosts, responseOf } from "./scripted-posts.ts";

/** An event stream and the POSTs of its client. The test plays the server. */
class ScriptedStream implements ScriptedConnection {
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  readonly posts = new ScriptedPosts();
  readonly closedWith = undefined;
  /** The response to the join. It is a stream, or the error of a rejected join. */
  readonly response: Promise<Response>;
  readonly #respond: (response: Response) => void;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #position = "";

  get sent(): unknown[] {
    return this.posts.sent;
  }

  constructor(url: URL) {
    this.query = url.searchParams;
    this.key = url.searchParams.get("key") ?? undefined;
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#respond = resolve;
  }

  deliver(frames: readonly object[]): void {
    const others = this.posts.take(frames as readonly ServerFrame[]);
    const [first] = others;
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
    this.posts.fail();
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

/** A `fetch` that opens such streams and polls. They are added to the list. */
export function scriptedFetch(opened: ScriptedConnection[]): typeof fetch {
  let current: ScriptedStream | ScriptedPolls | undefined;
  return async (input, init) => {
    const url = new URL(input as string);
    if (init?.method === "POST") {
      if (current === undefined) throw new TypeError("no connection is open");
      return current.posts.post(init.body as string);
    }
    if (url.pathname.endsWith("/poll")) {
      const polls =
        current instanceof ScriptedPolls && current.attempt === url.searchParams.get("try")
          ? current
          : new ScriptedPolls(url);
      if (polls !== current) opened.push(polls);
      current = polls;
      return polls.poll();
    }
    const stream = new ScriptedStream(url);
    current = stream;
    opened.push(stream);
    return stream.response;
  };
}
