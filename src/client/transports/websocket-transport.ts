import type { CLOSE_CODES } from "../../protocol/close-codes.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import { socketUrl } from "./address.ts";
import { JSON_DIALECT, type Dialect } from "./dialect.ts";
import type { Batch, Target, Transport, TransportListener } from "./transport.ts";

/** The part of a WebSocket that the client uses. The WebSockets of browsers, of Node and of the package `ws` have it. */
export interface WebSocketLike {
  binaryType?: string;
  readonly protocol?: string;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: "error", listener: (event: unknown) => void): void;
}

/** Creates a WebSocket, as `new WebSocket` does. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** With more unsent bytes than this, the network is slower than the client, and volatile messages wait. */
const MAX_BUFFERED_BYTES = 65_536;

/** The close codes that the client sends: 1000 if the member leaves, the other one if its connection is lost. */
const LEAVING = 1000;
const GIVEN_UP: (typeof CLOSE_CODES)["silent"]["code"] = 4002;

/** A room over WebSocket. */
export class WebSocketTransport implements Transport {
  readonly #socket: WebSocketLike;
  readonly #dialect: Dialect;
  readonly #closed: Promise<void>;

  /** @throws the error of the constructor, for example on an https page that opens a ws address */
  constructor(
    target: Target,
    listener: TransportListener,
    WebSocket: WebSocketConstructor,
    dialect: Dialect = JSON_DIALECT,
  ) {
    // Key and token are sent as subprotocols, because URLs are logged.
    const token = target.token === undefined ? [] : [`bearer.${target.token}`];
    const socket = new WebSocket(socketUrl(target), [...dialect.protocols, `resume.${target.key}`, ...token]);
    socket.binaryType = "arraybuffer";
    let isActive = false;
    socket.addEventListener("message", ({ data }) => {
      isActive = true;
      const length = typeof data === "string" ? data.length : (data as ArrayBuffer).byteLength;
      listener.onFrames(dialect.read(data), undefined, data === PONG ? 0 : length);
    });
    // A close event should follow, but Node's own WebSocket (22.23) emits none if the connection could not be opened.
    socket.addEventListener("error", () => {
      if (!isActive) listener.onEnd({ code: 1006, reason: "could not open a WebSocket" });
    });
    this.#socket = socket;
    this.#dialect = dialect;
    this.#closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        listener.onEnd({ code, reason });
        resolve();
      });
    });
  }

  get isBusy(): boolean {
    return this.#socket.bufferedAmount > MAX_BUFFERED_BYTES;
  }

  sizeOf(text: string): number | undefined {
    return this.#dialect.sizeOf?.(text, this.#socket.protocol);
  }

  send({ text }: Batch): void {
    this.#socket.send(this.#dialect.write(text, this.#socket.protocol));
  }

  renew(token: string): void {
    this.#socket.send(JSON.stringify({ type: "auth", token }));
  }

  ping(): void {
    this.#socket.send(PING);
  }

  leave(): Promise<void> {
    this.#socket.send('{"type":"leave"}');
    return this.#closed;
  }

  close(forGood: boolean): void {
    this.#socket.close(forGood ? LEAVING : GIVEN_UP);
  }
}
