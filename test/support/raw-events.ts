import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { EventStream } from "./event-stream.ts";

/** A reader of a room's event stream on its own connection, which can pause and resume reading. */
export class RawEvents {
  readonly stream = new EventStream();
  /** Resolves when the stream has ended for any reason. */
  readonly ended: Promise<void>;
  readonly #response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.on("data", (chunk: Buffer) => this.stream.write(chunk));
    response.on("error", () => undefined); // a close event follows
    this.ended = new Promise((resolve) => {
      response.on("close", () => {
        this.stream.inbox.end("the stream has ended");
        resolve();
      });
    });
  }

  /** Opens a stream. Resolves when the response has begun. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawEvents> {
    const request = get(url, { agent: false, headers: { accept: "text/event-stream", ...headers } });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return new RawEvents(response);
  }

  /** The frames that the reader has received. */
  get inbox(): EventStream["inbox"] {
    return this.stream.inbox;
  }

  /** Stops reading: the kernel's buffers fill, then the server's. */
  stall(): void {
    this.#response.pause();
  }

  /** Resumes reading after {@link stall}. */
  resume(): void {
    this.#response.resume();
  }

  /** Drops the connection. */
  vanish(): void {
    this.#response.destroy();
  }
}
