import { onTestFinished } from "vitest";
import { Inbox } from "../../support/inbox.ts";
import {
  joinUrl,
  Member,
  type Act,
  type Departure,
  type JoinOptions,
  type Reply,
} from "../../support/member.ts";
import { isBinary, offered, readable, written } from "./dialect.ts";
import { ORIGIN, request, type Serve } from "./rooms.ts";

/** How a test joins over WebSocket. */
export interface WebSocketJoin extends JoinOptions {
  /** The subprotocols to offer, such as `parlor.v1` and `resume.<key>`. */
  readonly protocols?: readonly string[];
  /** Its dialect, regardless of this run. @default the dialect of this run */
  readonly as?: "json" | "proto";
  /** The handler of the request. @default the Worker of wrangler.toml */
  readonly to?: Serve;
  /** Prevents the client from replying to a close frame, like a client that has stalled. */
  readonly allowHalfOpen?: boolean;
}

/** A member over WebSocket whose socket ends in this test. */
export class WebSocketMember extends Member {
  readonly closed: Promise<Departure>;
  /** The subprotocol that the server chose; `null` if it chose none. */
  readonly protocol: string | null;
  readonly #socket: WebSocket;

  constructor(response: Response, socket: WebSocket, options: { readonly allowHalfOpen?: boolean } = {}) {
    super(new Inbox());
    this.protocol = response.headers.get("Sec-WebSocket-Protocol");
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      const length = typeof data === "string" ? data.length : data.byteLength;
      if (typeof data !== "string" && !isBinary(this.protocol)) this.inbox.end("a binary frame came");
      else this.inbox.receive(readable(data), length);
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        this.inbox.end(`the socket was closed with ${code} "${reason}"`);
        resolve({ code, reason });
      });
    });
    socket.accept(options);
    onTestFinished(() => this.vanish());
  }

  /** Sends a frame: an object or array in its dialect, text and bytes unchanged. */
  send(frame: object | string | ArrayBuffer): void {
    const isRaw = typeof frame === "string" || frame instanceof ArrayBuffer;
    this.#socket.send(isRaw ? frame : written(frame, this.protocol));
  }

  /** Sends a frame unchanged. Resolves with the next ack or error of this connection, whatever its `ref`. */
  ask(frame: object | string | ArrayBuffer): Promise<Reply> {
    this.send(frame);
    return this.inbox.take(["ack", "error"]);
  }

  /** Replaces the member's presence data. Resolves with the reply. */
  setPresence(data: unknown): Promise<Reply> {
    return this.act({ type: "presence", data: data as never });
  }

  /** Sends the bare text `ping`. The reply is a frame of type `pong`. */
  ping(): void {
    this.#socket.send("ping");
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /**
   * Closes in order, because a socket with both ends in one process cannot be cut. See cuttable-member.ts for one that
   * can.
   */
  vanish(): void {
    try {
      this.#socket.close(1000, "the test is over");
    } catch {
      // It was closed before, or its other end is gone.
    }
  }

  protected request(act: Act & { readonly ref: number }): Promise<Reply> {
    this.send(act);
    return this.inbox.take(["ack", "error"], (frame) => frame.ref === act.ref);
  }
}

/** Requests an upgrade and returns the response unchanged: a 101, or a rejection over plain HTTP. */
export function upgrade(room: string, options: WebSocketJoin = {}): Promise<Response> {
  const url = new URL(joinUrl(ORIGIN, room, "", options));
  const headers = new Headers({ Upgrade: "websocket", ...options.headers });
  const protocols = offered(options.protocols, options.as);
  if (protocols !== undefined) headers.set("Sec-WebSocket-Protocol", protocols.join(", "));
  return request(url.pathname + url.search, { headers }, options.to);
}

/** Opens a socket. Resolves once it is open, before the welcome or the error arrives. */
export async function joinWebSocket(room: string, options: WebSocketJoin = {}): Promise<WebSocketMember> {
  const response = await upgrade(room, options);
  if (response.webSocket === null) {
    throw new Error(`the upgrade was refused with ${response.status}: ${await response.text()}`);
  }
  return new WebSocketMember(response, response.webSocket, options);
}

/** Joins over WebSocket. Resolves once the member has its welcome. */
export async function join(room: string, options: WebSocketJoin = {}): Promise<WebSocketMember> {
  const member = await joinWebSocket(room, options);
  await member.welcome();
  return member;
}

/** Reconnects as the same member at the position of the old connection. */
export function rejoin(room: string, member: Member, options: WebSocketJoin = {}): Promise<WebSocketMember> {
  return join(room, { key: member.key, after: member.position, ...options });
}
