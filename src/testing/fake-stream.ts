import { mayReconnect } from "../protocol/close-codes.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { Channel } from "./connection.ts";

/** The `id:` of a close after which the client must not retry (rule S6). */
export const CLOSED_ID = "~closed";

/** How long a client waits before it reconnects, in milliseconds, so that tests do not wait. */
const RETRY_MS = 0;

const HEADERS = { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" };

/** Encodes an event: a frame, and the reader's position after it. */
function event(text: string, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}data: ${text}\n\n`;
}

/** An event stream without a network. */
export class FakeStream implements Channel {
  readonly response: Response;
  readonly #encoder = new TextEncoder();
  readonly #onGone: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** @param onGone the reader has disconnected */
  constructor(signal: AbortSignal | null | undefined, onGone: () => void) {
    this.#onGone = onGone;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#gone(),
    });
    this.response = new Response(body, { headers: HEADERS });
    signal?.addEventListener("abort", () => {
      this.#fail(new DOMException("the stream was aborted", "AbortError"));
      this.#gone();
    });
    this.#write(`retry: ${RETRY_MS}\n\n`);
  }

  send(text: string, position: string): void {
    this.#write(event(text, position));
  }

  close(code: number, reason: string): void {
    const frame = encodeFrame({ type: "close", code, reason });
    this.#write(event(frame, mayReconnect(code) ? undefined : CLOSED_ID));
    this.#controller?.close();
    this.#controller = undefined;
  }

  cut(): void {
    this.#fail(new TypeError("the connection was lost"));
  }

  /** Sends an error and ends the stream, as a rejected request of an EventSource (rule S7). */
  reject(text: string, close: { readonly code: number; readonly text: string }): void {
    const isFinal = !mayReconnect(close.code);
    this.#write(event(text, isFinal ? CLOSED_ID : undefined));
    if (isFinal) return this.close(close.code, close.text);
    this.#controller?.close();
    this.#controller = undefined;
  }

  #write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #fail(error: Error): void {
    this.#controller?.error(error);
    this.#controller = undefined;
  }

  #gone(): void {
    this.#controller = undefined;
    this.#onGone();
  }
}
