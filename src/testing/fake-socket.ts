import type { Channel } from "./connection.ts";
import { later } from "./later.ts";

/** The server's end of a socket that a client has opened. */
export interface ServerEnd {
  /** The client sent data. */
  onData(data: string | ArrayBufferView | ArrayBuffer): void;
  /** The client closed the socket. */
  onClose(code: number): void;
}

/** Answers a client that opens a socket. */
export type Answer = (
  request: { readonly url: string; readonly protocols: readonly string[] },
  socket: FakeSocket,
) => ServerEnd | undefined;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** The close code of a client that closes without one. */
const NO_CODE = 1005;
/** The close code that a client reports if there was no close. */
const LOST = 1006;

/** The client's end of a socket without a network. It behaves like the WebSocket of browsers. */
export class FakeSocket extends EventTarget {
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readonly url: string;
  readonly bufferedAmount = 0;
  readonly extensions = "";
  binaryType = "blob";
  protocol = "";
  readyState: 0 | 1 | 2 | 3 = CONNECTING;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  #server: ServerEnd | undefined;

  constructor(url: string | URL, protocols: string | readonly string[], answer: Answer) {
    super();
    this.url = String(url);
    const offered = typeof protocols === "string" ? [protocols] : protocols;
    later(() => {
      if (this.readyState === CONNECTING) this.#server = answer({ url: this.url, protocols: offered }, this);
    });
  }

  /** The client sends data. */
  send(data: string | ArrayBufferView | ArrayBuffer): void {
    if (this.readyState === CONNECTING) throw new Error("the socket is still connecting");
    later(() => {
      if (this.readyState === OPEN) this.#server?.onData(data);
    });
  }

  /** The client closes the socket. */
  close(code = NO_CODE, reason = ""): void {
    if (this.readyState >= CLOSING) return;
    const wasOpen = this.readyState === OPEN;
    this.readyState = CLOSING;
    later(() => {
      this.#server?.onClose(code);
      this.#ended(wasOpen ? code : LOST, reason, wasOpen);
    });
  }

  /** The server accepts the socket. */
  accept(protocol: string): void {
    this.protocol = protocol;
    this.readyState = OPEN;
    this.#emit("open");
  }

  /** The server's end as the room uses it. What it sends before a close arrives before the close. */
  get serverEnd(): Channel {
    return {
      send: (text) => later(() => this.#receive(text)),
      close: (code, reason) => later(() => this.#ended(code, reason, true)),
      cut: () => this.cut(),
    };
  }

  /** The connection is lost, or the server rejects it before it is open. */
  cut(): void {
    later(() => {
      if (this.readyState === CLOSED) return;
      this.#emit("error");
      this.#ended(LOST, "", false);
    });
  }

  #receive(data: string): void {
    if (this.readyState === OPEN) this.#emit("message", { data });
  }

  #ended(code: number, reason: string, wasClean: boolean): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#emit("close", { code, reason, wasClean });
  }

  /** Not every runtime has the constructors of `MessageEvent` and `CloseEvent`. */
  #emit(type: "open" | "message" | "close" | "error", fields: object = {}): void {
    const event = Object.assign(new Event(type), fields);
    this[`on${type}`]?.(event as Event & MessageEvent & CloseEvent);
    this.dispatchEvent(event);
  }
}
