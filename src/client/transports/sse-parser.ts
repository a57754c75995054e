import { clampDelay } from "../../protocol/durations.ts";

/** Receives the contents of a stream. */
export interface SseListener {
  /**
   * An event is complete.
   *
   * @param id the last `id:` up to and including this event; "" before the first
   */
  onEvent(data: string, id: string): void;
  /** The server sets the reconnect delay, in milliseconds. */
  onRetry(ms: number): void;
}

/** Matches line ends. A carriage return at the end of the text may be half of a pair, so it needs the next character. */
const LINE_END = /\r\n|\n|\r(?!$)/g;

/**
 * Parses Server-Sent Events as a browser does. The chunks of bytes may end anywhere, even within a character:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * Ignores `event:`, because a Parlor server does not send it. An event that is incomplete at the end of the stream is dropped.
 */
export class SseParser {
  readonly #listener: SseListener;
  readonly #decoder = new TextDecoder(); // drops a byte order mark
  #text = "";
  /** The length of the text that was already searched for line ends, so that a long line is searched once. */
  #searched = 0;
  #data: string[] = [];
  #id = "";

  constructor(listener: SseListener) {
    this.#listener = listener;
  }

  /** Parses the next bytes of the stream. */
  feed(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    LINE_END.lastIndex = this.#searched;
    for (let end = LINE_END.exec(this.#text); end !== null; end = LINE_END.exec(this.#text)) {
      const after = LINE_END.lastIndex;
      this.#takeLine(this.#text.slice(start, end.index));
      start = LINE_END.lastIndex = after; // a listener may have used the same pattern
    }
    this.#text = this.#text.slice(start);
    this.#searched = Math.max(0, this.#text.length - 1);
  }

  #takeLine(line: string): void {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":"); // at 0 it begins a comment, whose field name is empty
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.#listener.onRetry(clampDelay(Number(value)));
  }

  #dispatch(): void {
    const data = this.#data;
    this.#data = [];
    if (data.length > 0) this.#listener.onEvent(data.join("\n"), this.#id);
  }
}
