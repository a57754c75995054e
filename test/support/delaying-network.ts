import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { LOOPBACK } from "./loopback-port.ts";

/**
 * A network that delays the first connections of a client, like a lost packet that is retransmitted. Later connections
 * overtake them. Delayed data still arrives after the client has closed its end.
 */
export class DelayingNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => Promise<void>)[] = [];
  #toHold: number;

  private constructor(server: Server, target: number, toHold: number) {
    this.#server = server;
    this.#target = target;
    this.#toHold = toHold;
    server.on("connection", (client) => this.#carry(client));
  }

  /**
   * Opens a network to a port of this machine.
   *
   * @param toHold how many of the first connections are delayed
   */
  static async to(port: number, toHold = 1): Promise<DelayingNetwork> {
    const server = createServer({ allowHalfOpen: true });
    const network = new DelayingNetwork(server, port, toHold);
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    return network;
  }

  /** The server's address in this network. */
  get url(): string {
    return `http://${LOOPBACK}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Delivers the delayed data. Resolves once the server has answered, and has closed the connections that clients closed. */
  async deliver(): Promise<void> {
    await Promise.all(this.#held.map((send) => send()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #carry(client: Socket): void {
    this.#keep(client);
    if (this.#toHold-- <= 0) return void this.#forward(client, []);
    const chunks: Buffer[] = [];
    const hold = (chunk: Buffer): void => void chunks.push(chunk);
    client.on("data", hold);
    this.#held.push(async () => {
      client.off("data", hold);
      // A client that gave up before it sent anything has no request that could arrive late.
      if (chunks.length === 0) throw new Error("the client gave up a connection before it sent its request");
      const server = this.#forward(client, chunks);
      await once(server, "data");
      if (client.readableEnded) await once(server, "close");
    });
  }

  #forward(client: Socket, chunks: readonly Buffer[]): Socket {
    const server = connect({ port: this.#target, host: LOOPBACK, allowHalfOpen: true });
    this.#keep(server);
    for (const chunk of chunks) server.write(chunk);
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk) => void (client.writable && client.write(chunk)));
    server.on("end", () => {
      client.end();
      server.end();
    });
    client.on("end", () => server.end());
    if (client.readableEnded) server.end();
    return server;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
