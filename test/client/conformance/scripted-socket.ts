import type { WebSocketConstructor, WebSocketLike } from "../../../src/client/index.ts";
import type { ScriptedConnection } from "./scripted-connection.ts";

type Listener = (event: never) => void;

/** A WebSocket whose other end the test plays. */
class ScriptedSocket implements WebSocketLike, ScriptedConnection {
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  readonly protocol = "parlor.v1";
  readonly bufferedAmount = 0;
  readonly readyState = 1;
  readonly sent: unknown[] = [];
  closedWith: number | undefined;
  readonly #listeners: { readonly type: string; readonly listener: Listener }[] = [];

  constructor(url: string, protocols: readonly string[]) {
    this.query = new URL(url).searchParams;
    this.key = protocols.find((name) => name.startsWith("resume."))?.slice("resume.".length);
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

  deliver(frames: readonly object[]): void {
    this.#emit("message", { data: JSON.stringify(frames) });
  }

  end(code: number): void {
    this.#emit("close", { code, reason: "" });
  }

  #emit(type: string, event: object): void {
    for (const each of this.#listeners) if (each.type === type) each.listener(event as never);
  }
}

/** A constructor of such sockets. They are added to the list. */
export function scriptedWebSocket(opened: ScriptedConnection[]): WebSocketConstructor {
  return class extends ScriptedSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      opened.push(this);
    }
  };
}
