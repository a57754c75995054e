import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { EventStream } from "./event-stream.ts";

/** The real `curl` reading a room's event stream: an independent client that can be killed or frozen. */
export class CurlReader implements AsyncDisposable {
  /** What curl has read. */
  readonly stream = new EventStream();
  /** Resolves when curl has ended for any reason. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  #head: Buffer | undefined = Buffer.alloc(0);
  #status = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.exited = once(child, "close").then(() => this.stream.inbox.end("curl has ended"));
  }

  /** The frames that curl has read. */
  get inbox(): EventStream["inbox"] {
    return this.stream.inbox;
  }

  /** The HTTP status; 0 until the response has begun. */
  get status(): number {
    return this.#status;
  }

  /** Ends curl with SIGKILL: the kernel closes its connection. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Freezes curl with SIGSTOP: its connection stays open, and nothing reads it. */
  stall(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Resumes a frozen curl. */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends curl at the end of a test. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.exited;
  }

  /** The response's head comes first, up to an empty line; then the stream, byte for byte. */
  #receive(chunk: Buffer): void {
    if (this.#head === undefined) return this.stream.write(chunk);
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) return;
    this.#status = Number(this.#head.toString("latin1").split(" ")[1]);
    const body = this.#head.subarray(end + 4);
    this.#head = undefined;
    this.stream.write(body);
  }
}

/** Starts `curl -sN` on a URL. */
export function curlReader(url: string, headers: Readonly<Record<string, string>> = {}): CurlReader {
  const given = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
  const child = spawn("curl", ["--silent", "--no-buffer", "--include", ...given, url], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  return new CurlReader(child);
}
