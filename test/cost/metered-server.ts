import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { bundleWorker } from "../support/bundle.ts";
import { projectRoot, wranglerConfig } from "../support/project.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { parseReadings, type Reading } from "./readings.ts";

/** The readings of one room in a span of time, in Unix milliseconds. */
export interface Span {
  readonly readings: readonly Reading[];
  readonly from: number;
  readonly until: number;
}

/** How long a line may take from the server's console to this process. */
const OUTPUT_TIMEOUT_MS = 10_000;

/** The bare runtime with the Worker in `worker/`: the deployed Worker with a meter in each room. */
export class MeteredServer {
  readonly #server: ServerProcess;
  #marks = 0;

  private constructor(server: ServerProcess) {
    this.#server = server;
  }

  /**
   * Builds the Worker and starts it with these variables.
   *
   * @param runner a command to run the runtime with, such as `taskset`
   */
  static async start(
    vars: Readonly<Record<string, string>>,
    runner: readonly string[] = [],
  ): Promise<MeteredServer> {
    const config = await writeProject();
    // The members never report what they have read, so their send windows have the maximum size.
    const always = { LOG_LEVEL: "error", ADDRESS_LIMITS: "off", ALLOWANCE_CHARS: "16777216" };
    return new MeteredServer(await startBareRuntime({ config, runner, vars: { ...always, ...vars } }));
  }

  get url(): string {
    return this.#server.url;
  }

  get wsUrl(): string {
    return this.#server.wsUrl;
  }

  /** The ids of its running processes. */
  pids(): number[] {
    return this.#server.pids();
  }

  /** Measures what a room is billed for while the work runs. */
  async measure(room: string, work: () => Promise<void>): Promise<Span> {
    const begin = await this.#mark();
    await work();
    const end = await this.#mark();
    const lines = parseReadings(this.#server.output());
    const at = (name: string): number => lines.findIndex((line) => "mark" in line && line.mark === name);
    const readings = lines
      .slice(at(begin.mark), at(end.mark))
      .flatMap((line) => ("meter" in line && line.meter.room === room ? [line.meter] : []));
    return { readings, from: begin.at, until: end.at };
  }

  /** Advances the clock of all rooms. */
  async putForward(ms: number): Promise<void> {
    await this.#ask(`put-forward?ms=${ms}`);
  }

  /** Kills the server and removes its files. */
  async stop(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  /** Writes a mark into the output. Once the mark has arrived, so has everything that the server wrote before. */
  async #mark(): Promise<{ readonly mark: string; readonly at: number }> {
    const name = `mark-${++this.#marks}`;
    await this.#ask(`mark?name=${name}`);
    const deadline = Date.now() + OUTPUT_TIMEOUT_MS;
    for (;;) {
      const tail = this.#server.output().slice(-TAIL_CHARS);
      const found = parseReadings(tail).find((line) => "mark" in line && line.mark === name);
      if (found !== undefined && "mark" in found) return found;
      if (Date.now() > deadline) throw new Error(`the server's output does not show ${name}`);
      await delay(10);
    }
  }

  async #ask(what: string): Promise<void> {
    const response = await fetch(`${this.#server.url}/meter/${what}`);
    if (response.status !== 204) throw new Error(`${what} failed with status ${response.status}`);
  }
}

/** A mark is near the end of the output, because only rooms with work of their own write after it. */
const TAIL_CHARS = 100_000;

/** The version of the installed runtime. */
export function workerdVersion(): string {
  const about: unknown = JSON.parse(
    readFileSync(join(projectRoot, "node_modules", "workerd", "package.json"), "utf8"),
  );
  const isAbout = typeof about === "object" && about !== null && "version" in about;
  return isAbout ? String(about.version) : "unknown";
}

/**
 * Writes a separate Worker project with the compatibility settings of the real one, and returns its configuration.
 * The place is fixed, so the bundle is built once for each state of the sources.
 */
async function writeProject(): Promise<string> {
  const { compatibilityDate, compatibilityFlags } = await bundleWorker(wranglerConfig);
  const project = join(projectRoot, "node_modules", ".cache", "parlor", "metered-worker");
  mkdirSync(join(project, "src"), { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("worker/metered-worker.ts", import.meta.url))],
    outfile: join(project, "src", "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
    logLevel: "warning",
  });
  const config = {
    name: "parlor-metered",
    main: "src/worker.js",
    compatibility_date: compatibilityDate,
    compatibility_flags: compatibilityFlags,
    durable_objects: { bindings: [{ name: "ROOM", class_name: "Room" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Room"] }],
  };
  const path = join(project, "wrangler.json");
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}
