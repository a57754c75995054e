import { Inbox } from "./inbox.ts";
import { SseParser, type SseEvent } from "./sse-parser.ts";

/** What a reader of a room's event stream has seen, whatever carried the bytes. */
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

  /** What an EventSource would come back with as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** How many comments came; they tell the reader nothing, and the server whether the reader is still there. */
  get comments(): number {
    return this.#comments;
  }

  /** The last `retry:`, in milliseconds; `undefined` before one came. */
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
    this.inbox.recheck(); // comments are no frames, yet a test may wait for one
  }
}
