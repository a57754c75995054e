import { clampDelay } from "../../protocol/durations.ts";

/** Who is told what a stream says. */
export interface SseListener {
  /**
   * An event is complete.
   *
   * @param id the last `id:` up to and including this event; "" before the first
   */
  onEvent(data: string, id: string): void;
  /** The server says how long to wait before coming back, in milliseconds. */
  onRetry(ms: number): void;
}

/** Ends of lines; a carriage return at the very end may be the first half of a pair, and waits for what follows. */
const LINE_END = /\r\n|\n|\r(?!$)/g;

/**
 * Parses Server-Sent Events as a browser does, from bytes that may be cut anywhere, within a character too:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * `event:` is passed over: a Parlor server sends none. An event that the stream's end cuts short is never told.
 */
export class SseParser {
  readonly #listener: SseListener;
  readonly #decoder = new TextDecoder(); // drops a byte order mark
  #text = "";
  /** How much of the text is known to hold no end of a line: a long line is looked through once. */
  #searched = 0;
  #data: string[] = [];
  #id = "";

  constructor(listener: SseListener) {
    this.#listener = listener;
  }

  /** Takes the next bytes of the stream. */
  feed(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    LINE_END.lastIndex = this.#searched;
    for (let end = LINE_END.exec(this.#text); end !== null; end = LINE_END.exec(this.#text)) {
      const after = LINE_END.lastIndex;
      this.#takeLine(this.#text.slice(start, end.index));
      start = LINE_END.lastIndex = after; // a listener may have parsed something else meanwhile
    }
    this.#text = this.#text.slice(start);
    this.#searched = Math.max(0, this.#text.length - 1);
  }

  #takeLine(line: string): void {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":"); // at 0 it begins a comment, whose field has no name
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
