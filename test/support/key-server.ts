import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server for a key set on this machine. A test can change its response. */
export class KeyServer implements AsyncDisposable {
  /** The requests so far, newest last. */
  readonly requests: IncomingMessage[] = [];
  answer: (response: ServerResponse) => void;
  readonly #server;

  private constructor(keys: readonly object[]) {
    this.answer = answering(keys);
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      this.answer(response);
    });
  }

  static async start(keys: readonly object[]): Promise<KeyServer> {
    const made = new KeyServer(keys);
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** Serves these keys from now on. */
  serve(...keys: readonly object[]): void {
    this.answer = answering(keys);
  }

  /** Closes the port, so that further requests fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answering(keys: readonly object[]): (response: ServerResponse) => void {
  return (response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ keys }));
  };
}
