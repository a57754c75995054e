import { sseTransport } from "../../../src/client/transports/sse-transport.ts";
import type { Transport, TransportEnd } from "../../../src/client/transports/transport.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { settled } from "./fake-world.ts";

interface Asked {
  readonly url: string;
  readonly init: RequestInit;
  readonly respond: (response: Response) => void;
  readonly fail: (error: unknown) => void;
}

/** A transport whose `fetch` responds when the test does. Records all events. */
export class Line {
  readonly requests: Asked[] = [];
  readonly frames: ServerFrame[] = [];
  readonly positions: (string | undefined)[] = [];
  readonly chars: (number | undefined)[] = [];
  readonly ends: TransportEnd[] = [];
  activities = 0;
  readied = 0;
  readonly transport: Transport;
  /** The running timers: their callbacks, and the delays in milliseconds. */
  readonly timers = new Map<() => void, number>();
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor() {
    const fetch_: typeof fetch = (url, init = {}) =>
      new Promise((respond, fail) => {
        init.signal?.addEventListener("abort", () => fail(new Error("aborted")));
        this.requests.push({ url: new Request(url).url, init, respond, fail });
      });
    this.transport = sseTransport(
      {
        room: "https://parlor.example/rooms/lobby",
        key: "keykeykeykeykeykeykey1",
        attempt: 7,
        after: "Zk3:4",
        mode: "list",
      },
      {
        onFrames: (frames, position, chars) => {
          this.frames.push(...frames);
          this.positions.push(position);
          this.chars.push(chars);
        },
        onActive: () => this.activities++,
        onReady: () => this.readied++,
        onEnd: (end) => void this.ends.push(end),
      },
      fetch_,
      {
        startTimer: (callback, ms) => {
          this.timers.set(callback, ms);
          return () => this.timers.delete(callback);
        },
      },
    );
  }

  /** Lets the timers with this delay fire. */
  fire(delayMs: number): void {
    for (const [callback, ms] of this.timers) {
      if (ms !== delayMs) continue;
      this.timers.delete(callback);
      callback();
    }
  }

  /** The newest request. */
  get request(): Asked {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error("nothing was fetched");
    return request;
  }

  async open(): Promise<void> {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#body = controller) });
    this.request.respond(
      new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } }),
    );
    await settled();
  }

  async write(text: string): Promise<void> {
    this.#body?.enqueue(new TextEncoder().encode(text));
    await settled();
  }

  async endStream(): Promise<void> {
    this.#body?.close();
    await settled();
  }

  async breakStream(): Promise<void> {
    this.#body?.error(new Error("the network"));
    await settled();
  }

  async answer(status: number, body: unknown, headers: Record<string, string> = {}): Promise<void> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    this.request.respond(new Response(text, { status, headers }));
    await settled();
  }
}

export async function openLine(): Promise<Line> {
  const line = new Line();
  await line.open();
  return line;
}
