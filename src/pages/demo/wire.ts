import type { JoinOptions } from "../../client/index.ts";

/** The platform's `WebSocket` and `fetch`, through a network that the page can interrupt. */
export interface Wire extends Pick<Required<JoinOptions>, "WebSocket" | "fetch"> {
  /** Breaks open connections as a lost network does, and delays new ones until this time has passed. */
  cut(forMs: number): void;
}

/** The code that closes an interrupted socket. For the server it is neither a leave nor a code of the protocol. */
const CUT_CODE = 4999;

/** Makes a wire. Only the interruption is simulated. The sockets, the streams and the reconnects are real. */
export function makeWire(): Wire {
  let whole = Promise.resolve();
  let scissors = new AbortController();
  return {
    WebSocket: class extends Socket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, whole, () => scissors.signal);
      }
    },
    async fetch(input, init) {
      await whole;
      const signals = init?.signal ? [init.signal, scissors.signal] : [scissors.signal];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) });
    },
    cut(forMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      whole = promise;
      setTimeout(resolve, forMs);
      const cutting = scissors;
      scissors = new AbortController();
      cutting.abort();
    },
  };
}

type Listener = (event: never) => void;

/** A WebSocket that connects when the wire is not interrupted, and breaks when it is. */
class Socket {
  readonly #listeners: [type: "message" | "close" | "error", listener: Listener][] = [];
  #real: WebSocket | undefined;
  #isOver = false;

  constructor(url: string, protocols: string[], whole: Promise<void>, scissors: () => AbortSignal) {
    void whole.then(() => {
      if (this.#isOver) return;
      try {
        this.#dial(new WebSocket(url, protocols), scissors());
      } catch (error) {
        // WebSockets do not work here, so the client uses another transport.
        this.#fail(new CloseEvent("close", { code: 1006, reason: String(error) }));
      }
    });
  }

  get bufferedAmount(): number {
    return this.#real?.bufferedAmount ?? 0;
  }

  send(data: string): void {
    this.#real?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#isOver = true;
    this.#real?.close(code, reason);
  }

  addEventListener(type: "message" | "close" | "error", listener: Listener): void {
    this.#listeners.push([type, listener]);
  }

  #fail(end: CloseEvent): void {
    for (const [type, listener] of this.#listeners) if (type === "close") listener(end as never);
  }

  #dial(real: WebSocket, scissors: AbortSignal): void {
    this.#real = real;
    for (const [type, listener] of this.#listeners) real.addEventListener(type, listener as EventListener);
    const cut = (): void => {
      real.dispatchEvent(new CloseEvent("close", { code: 1006, reason: "the connection was dropped" }));
      real.close(CUT_CODE);
    };
    scissors.addEventListener("abort", cut);
    real.addEventListener("close", () => scissors.removeEventListener("abort", cut));
  }
}
