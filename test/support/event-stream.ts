import { Inbox } from "./inbox.ts";
import { SseParser, type SseEvent } from "./sse-parser.ts";

/** What a reader of a room's event stream has received, over any kind of connection. */
export class EventStream {
  /** The frames in the events' data. */
  readonly inbox = new Inbox();
  /** Every event so far. */
  readonly events: SseEvent[] = [];
  readonly #decoder = new TextDecoder(); // drops a byte order mark, as a browser does
  readonly #parser = new SseParser({
    onEvent: (event) => {
      this.events.push(event);
      this.inbox.receive(event.data);
    },
    onComment: () => this.#comments++,
    onRetry: (ms) => (this.#retryMs = ms),
  });
  #comments = 0;
  #retryMs: number | undefined;
  #bytesReceived = 0;

  /** The `Last-Event-ID` that an EventSource would reconnect with. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** How many comments arrived. They mean nothing to the reader, but show the server whether the connection still works. */
  get comments(): number {
    return this.#comments;
  }

  /** The last `retry:`, in milliseconds; `undefined` before the first. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /** The bytes of the stream so far. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Takes the next bytes of the stream. */
  write(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
    this.inbox.recheck(); // a comment is not a frame, but a test may wait for one
  }
}
