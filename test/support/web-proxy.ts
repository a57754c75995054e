import { once } from "node:events";
import { createServer, request as requestOf, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LOOPBACK } from "./loopback-port.ts";

/**
 * How a proxy treats WebSockets:
 *
 * - `pass`: it forwards them;
 * - `refuse`: it responds with 403;
 * - `swallow`: it accepts them and forwards nothing;
 * - `stall`: it forwards the welcome, and then nothing in either direction;
 * - `drop`: it forwards the welcome, and then closes the connection.
 */
export type WebSocketRule = "pass" | "refuse" | "swallow" | "stall" | "drop";

const END_OF_HEAD = "\r\n\r\n";

/** An HTTP proxy in front of a server of this machine, as in a company's network. It forwards HTTP and streams unchanged. */
export class WebProxy implements AsyncDisposable {
  /** How it treats new WebSockets. */
  webSockets: WebSocketRule;
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Duplex>();

  private constructor(target: number, webSockets: WebSocketRule) {
    this.webSockets = webSockets;
    this.#target = target;
    this.#server = createServer((request, response) => {
      const { method, url, headers } = request;
      const upstream = requestOf(
        { host: LOOPBACK, port: target, method, path: url, headers, agent: false },
        (reply) => {
          response.writeHead(reply.statusCode ?? 502, reply.headers);
          response.flushHeaders();
          reply.pipe(response);
          reply.on("error", () => response.destroy());
        },
      );
      upstream.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
      response.on("close", () => upstream.destroy());
      request.pipe(upstream);
    });
    this.#server.on("connection", (socket) => this.#keep(socket));
    this.#server.on("upgrade", (request, client, head) => this.#upgrade(request, client, head));
  }

  /** Opens a proxy to a port of this machine. */
  static async to(port: number, webSockets: WebSocketRule): Promise<WebProxy> {
    const proxy = new WebProxy(port, webSockets);
    proxy.#server.listen(0, LOOPBACK);
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** The server's address through this proxy. */
  get url(): string {
    return `http://${LOOPBACK}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Closes every connection, as when a client moves to another network. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #upgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    const rule = this.webSockets;
    if (rule === "refuse")
      return void client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const server = connect(this.#target, LOOPBACK);
    this.#keep(server);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    server.write(`${request.method} ${request.url} HTTP/1.1\r\n${rawHeaders(request)}\r\n`);
    server.write(head);
    if (rule === "pass") return void client.pipe(server).pipe(client);
    forwardStart(server, client, rule);
  }

  #keep(socket: Duplex | Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/** Forwards the response to the upgrade and, unless the rule is `swallow`, the first data after it: the welcome. */
function forwardStart(server: Socket, client: Duplex, rule: "swallow" | "stall" | "drop"): void {
  let response: string | undefined = "";
  client.resume();
  server.on("data", (chunk: Buffer) => {
    const received = chunk.toString("latin1");
    let frames = received;
    if (response !== undefined) {
      response += received;
      const end = response.indexOf(END_OF_HEAD);
      if (end === -1) return;
      client.write(response.slice(0, end + END_OF_HEAD.length), "latin1");
      frames = response.slice(end + END_OF_HEAD.length);
      response = undefined;
    }
    if (frames === "" || rule === "swallow") return;
    server.removeAllListeners("data").resume();
    client.write(frames, "latin1");
    if (rule === "drop") client.end();
  });
}

function rawHeaders({ rawHeaders: raw }: IncomingMessage): string {
  let text = "";
  for (let at = 0; at < raw.length; at += 2) text += `${raw[at]}: ${raw[at + 1]}\r\n`;
  return text;
}
