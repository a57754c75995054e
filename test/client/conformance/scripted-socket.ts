import type { WebSocketConstructor, WebSocketLike } from "../../../src/client/index.ts";

type Listener = (event: never) => void;

/** The client's end of a socket whose other end the test plays. */
export class ScriptedSocket implements WebSocketLike {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly protocol = "parlor.v1";
  readonly bufferedAmount = 0;
  readonly readyState = 1;
  /** What the client sent and the test has not taken yet: parsed items, or text that is not JSON. */
  readonly sent: unknown[] = [];
  /** The code with which the client closed the socket. */
  closedWith: number | undefined;
  readonly #listeners: { readonly type: string; readonly listener: Listener }[] = [];

  constructor(url: string, protocols: readonly string[]) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push({ type, listener });
  }

  send(data: string | Uint8Array): void {
    const text = String(data);
    this.sent.push(...(text === "ping" ? [text] : [JSON.parse(text) as unknown].flat()));
  }

  close(code = 1005): void {
    this.closedWith ??= code;
  }

  /** The server sends a frame. */
  deliver(frame: unknown): void {
    this.#emit("message", { data: JSON.stringify(frame) });
  }

  /** The socket ends with a close of the server, or with 1006 if there was none. */
  end(code: number): void {
    this.#emit("close", { code, reason: "" });
  }

  #emit(type: string, event: object): void {
    for (const each of this.#listeners) if (each.type === type) each.listener(event as never);
  }
}

/** A constructor of such sockets, which collects them. */
export function scriptedSockets(): {
  readonly opened: ScriptedSocket[];
  readonly WebSocket: WebSocketConstructor;
} {
  const opened: ScriptedSocket[] = [];
  const WebSocket = class extends ScriptedSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      opened.push(this);
    }
  };
  return { opened, WebSocket };
}
