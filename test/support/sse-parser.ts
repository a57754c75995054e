/** One event of a stream of Server-Sent Events. */
export interface SseEvent {
  /** The last `id:` up to and including this event. */
  readonly id: string;
  /** Its `event:` field; "" if it has none, which an EventSource calls `message`. */
  readonly event: string;
  readonly data: string;
}

/** Receives what the parser finds in the stream. */
export interface SseListener {
  readonly onEvent: (event: SseEvent) => void;
  readonly onComment: (text: string) => void;
  readonly onRetry: (ms: number) => void;
}

/**
 * Parses a stream of Server-Sent Events like a browser, in chunks of any length:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseParser {
  /** What a browser would send as `Last-Event-ID` if the stream ended now. */
  lastEventId = "";
  readonly #listener: SseListener;
  #unparsed = "";
  #id = "";
  #event = "";
  #data: string[] = [];

  constructor(listener: SseListener) {
    this.#listener = listener;
  }

  /** Parses the next chunk of text. An event that is truncated by the end of the stream is never reported. */
  feed(text: string): void {
    this.#unparsed += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#unparsed); // a \r at the very end may be half a \r\n
      if (end === null) return;
      const line = this.#unparsed.slice(0, end.index);
      this.#unparsed = this.#unparsed.slice(end.index + end[0].length);
      this.#takeLine(line);
    }
  }

  #takeLine(line: string): void {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return this.#listener.onComment(line.slice(1).trimStart());
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.#listener.onRetry(Number(value));
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    const [data, event] = [this.#data, this.#event];
    [this.#data, this.#event] = [[], ""];
    if (data.length > 0) this.#listener.onEvent({ id: this.#id, event, data: data.join("\n") });
  }
}
