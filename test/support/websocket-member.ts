import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { WebSocket, type RawData } from "ws";
import type { Json } from "../../src/protocol/json.ts";
import { Inbox } from "./inbox.ts";
import { joinUrl, Member, type Act, type Departure, type JoinOptions, type Reply } from "./member.ts";

/** How a test joins over WebSocket. */
export interface WebSocketJoinOptions extends JoinOptions {
  /** The subprotocols to offer, such as `parlor.v1`, `bearer.<token>` and `resume.<key>`. */
  protocols?: readonly string[];
}

/** The response of a server that rejected the upgrade. A browser would see only 1006. */
class UpgradeRefused extends Error {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;

  constructor(response: IncomingMessage, body: string) {
    super(`the upgrade was rejected with ${response.statusCode}: ${body}`);
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.body = body;
  }
}

/** A member over WebSocket that uses the `ws` package. */
export class WebSocketMember extends Member {
  readonly closed: Promise<Departure>;
  readonly #socket: WebSocket;
  #bytesReceived = 0;

  constructor(socket: WebSocket) {
    super(new Inbox());
    this.#socket = socket;
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("error", () => undefined); // a close event follows
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.inbox.end(`the socket was closed with ${code} "${reason.toString()}"`);
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** The subprotocol that the server chose; "" for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The extensions that the server agreed to; "" for none. */
  get extensions(): string {
    return this.#socket.extensions;
  }

  /** The payload bytes of every frame received so far. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Sends a frame. Objects and arrays are sent as JSON, text and bytes unchanged. */
  send(frame: object | string | Buffer): void {
    this.#socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** Publishes a volatile message, which receives no reply. */
  publishVolatile(event: string, data: Json, key?: string): void {
    this.send({ type: "publish", event, data, volatile: true, ...(key === undefined ? {} : { key }) });
  }

  /** Sends the bare text `ping`. The reply is a frame of type `pong`. */
  ping(): void {
    this.send("ping");
  }

  /** Stops reading: the kernel's buffers fill, then the server's. */
  stall(): void {
    this.#socket.pause();
  }

  /** Resumes reading after {@link stall}. */
  resume(): void {
    this.#socket.resume();
  }

  close(code = 1000, reason = ""): void {
    this.#socket.close(code, reason);
  }

  vanish(): void {
    this.#socket.terminate();
  }

  protected request(act: Act & { readonly ref: number }): Promise<Reply> {
    this.send(act);
    return this.inbox.take(["ack", "error"], (frame) => frame.ref === act.ref);
  }

  #receive(data: RawData, isBinary: boolean): void {
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    this.#bytesReceived += bytes.length;
    if (isBinary) this.inbox.end(`received a binary frame of ${bytes.length} bytes`);
    else this.inbox.receive(bytes.toString());
  }
}

/** Joins a room over WebSocket. Resolves when the socket is open, before the welcome. */
export async function joinWebSocket(
  server: { readonly wsUrl: string },
  room: string,
  options: WebSocketJoinOptions = {},
): Promise<WebSocketMember> {
  const socket = new WebSocket(joinUrl(server.wsUrl, room, "", options), [...(options.protocols ?? [])], {
    headers: { ...options.headers },
  });
  const member = new WebSocketMember(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response: IncomingMessage) => {
      text(response).then((body) => reject(new UpgradeRefused(response, body)), reject);
    });
  });
  return member;
}
