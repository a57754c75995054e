import { rm } from "node:fs/promises";
import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { isFree, LOOPBACK } from "./loopback-port.ts";
import { ProcessGroup, type Exit } from "./process-group.ts";

/** How long a server may take until it responds. A cold `wrangler dev` on a busy machine takes several seconds. */
const START_TIMEOUT_MS = 60_000;

/** How long a server may take to end after Ctrl-C. */
const STOP_TIMEOUT_MS = 5_000;

/** How long the kernel may take to release a killed server's port. */
const RELEASE_TIMEOUT_MS = 5_000;

/** How to run one server repeatedly, on the same port and storage. */
export interface Launch {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  /** The folder of the rooms' SQLite files. */
  readonly storage: string;
  /** Folders to remove when the server is disposed of. */
  readonly scratch: readonly string[];
}

/** How a server ended on Ctrl-C. */
export interface Stop extends Exit {
  /** Whether it had to be killed because it did not end in time. */
  readonly forced: boolean;
}

/** A real server in separate processes, which can be killed and started again on the same port and storage. */
export class ServerProcess implements AsyncDisposable {
  /** Its address: `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** The same for WebSockets: `ws://127.0.0.1:<port>`. */
  readonly wsUrl: string;
  readonly #launch: Launch;
  #group: ProcessGroup;
  #earlierOutput = "";
  #startupMs = 0;

  private constructor(launch: Launch, group: ProcessGroup) {
    this.#launch = launch;
    this.#group = group;
    this.url = `http://${LOOPBACK}:${launch.port}`;
    this.wsUrl = `ws://${LOOPBACK}:${launch.port}`;
  }

  /** Starts a server and waits until `GET /healthz` answers 200. Rejects with its output if it ends or hangs. */
  static async start(launch: Launch): Promise<ServerProcess> {
    if (!(await isFree(launch.port))) throw new Error(`port ${launch.port} is taken`);
    const server = new ServerProcess(launch, new ProcessGroup(launch.command, launch));
    await server.#becomeReady();
    return server;
  }

  /** The folder of the rooms' SQLite files. They survive {@link kill} and {@link restart}. */
  get storage(): string {
    return this.#launch.storage;
  }

  /** How long the last start took, from spawning the process to its first response, in milliseconds. */
  get startupMs(): number {
    return this.#startupMs;
  }

  /** The ids of its running processes. Empty without /proc. */
  pids(): number[] {
    return this.#group.pids();
  }

  /** The server's output so far, across all restarts. */
  output(): string {
    return this.#earlierOutput + this.#group.output();
  }

  /** Ends every process of the server at once, as `kill -9` or a power cut does, and waits until the port is free. */
  async kill(): Promise<void> {
    await this.#group.kill();
    const { port } = this.#launch;
    const deadline = Date.now() + RELEASE_TIMEOUT_MS;
    while (!(await isFree(port))) {
      if (Date.now() > deadline) throw new Error(`port ${port} is still taken after SIGKILL`);
      await delay(5);
    }
  }

  /** Ends the server as Ctrl-C in its terminal does. Kills it if that takes longer than 5 s. */
  async stop(): Promise<Stop> {
    this.#group.interrupt();
    const patience = new AbortController();
    const timeout = delay(STOP_TIMEOUT_MS, undefined, { signal: patience.signal }).catch(() => undefined);
    const exit = await Promise.race([this.#group.exited, timeout]);
    patience.abort();
    await this.kill();
    return { ...(exit ?? (await this.#group.exited)), forced: exit === undefined };
  }

  /** Starts the server again on the same port and storage. Kills it first if it still runs. */
  async restart(): Promise<void> {
    await this.kill();
    this.#earlierOutput += this.#group.output();
    this.#group = new ProcessGroup(this.#launch.command, this.#launch);
    await this.#becomeReady();
  }

  /** Kills the server and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const dir of this.#launch.scratch) await rm(dir, { recursive: true, force: true });
  }

  async #becomeReady(): Promise<void> {
    const startedAt = performance.now();
    while (!(await answersHealthCheck(this.#launch.port))) {
      const waitedMs = performance.now() - startedAt;
      if (!this.#group.hasExited && waitedMs < START_TIMEOUT_MS) {
        await delay(10);
        continue;
      }
      const how = this.#group.hasExited
        ? "ended before it responded"
        : `did not respond in ${START_TIMEOUT_MS} ms`;
      await this[Symbol.asyncDispose]();
      throw new Error(`the server ${how}; it wrote:\n${this.#group.output()}`);
    }
    this.#startupMs = Math.round(performance.now() - startedAt);
  }
}

/** Sends one request on its own connection. A pool would keep sockets to a server that is about to be killed. */
function answersHealthCheck(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      { host: LOOPBACK, port, path: "/healthz", agent: false, timeout: 5_000 },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
