import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { LOOPBACK } from "./loopback-port.ts";

/**
 * A network between a client and a server that can be cut like a lost radio signal: bytes stop in both directions,
 * no connection is closed, and new connections are never answered.
 */
export class CuttableNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #lines = new Set<Socket>();
  readonly #target: number;
  #isCut = false;
  #areRepliesLost = false;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#carry(client));
  }

  /** Opens a network to a port of this machine. */
  static async to(port: number): Promise<CuttableNetwork> {
    const server = createServer();
    const network = new CuttableNetwork(server, port);
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    return network;
  }

  /** The server's address in this network. */
  get url(): string {
    return `http://${LOOPBACK}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Stops every byte. */
  cut(): void {
    this.#isCut = true;
    for (const line of this.#lines) line.pause().unpipe();
  }

  /** Lets new connections through. Connections that were open before stay dead, as after a change of network. */
  mend(): void {
    this.#isCut = false;
    for (const line of this.#lines) line.destroy();
  }

  /** Ends every connection. New ones work. */
  drop(): void {
    this.#areRepliesLost = false;
    for (const line of this.#lines) line.destroy();
  }

  /** Loses everything that the server sends, until {@link drop}. The server still receives what clients send. */
  loseReplies(): void {
    this.#areRepliesLost = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.#lines) line.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #carry(client: Socket): void {
    this.#keep(client);
    if (this.#isCut) return void client.pause();
    const server = connect(this.#target, LOOPBACK);
    this.#keep(server);
    const replies = new Transform({
      transform: (bytes, _encoding, done) => (this.#areRepliesLost ? done() : done(null, bytes)),
    });
    client.pipe(server).pipe(replies).pipe(client);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
  }

  #keep(line: Socket): void {
    this.#lines.add(line);
    line.on("error", () => line.destroy());
    line.on("close", () => this.#lines.delete(line));
  }
}
