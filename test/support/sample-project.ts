import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { startBareRuntime } from "./bare-runtime.ts";
import { packParlor } from "./package.ts";
import { ProcessGroup } from "./process-group.ts";
import { scratchDir, toolEnvironment } from "./project.ts";
import { absolute, read } from "./repository.ts";
import { samplesOf } from "./samples.ts";
import type { ServerProcess } from "./server-process.ts";

/** The output of a shell sample, and how it ended. */
interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** How long the lines of one shell sample may take, in milliseconds. */
const SHELL_TIMEOUT_MS = 60_000;

/** Replaces the real `curl` in the path: it is silent, has a timeout, and ends its output with a line break. */
const CURL = `#!/bin/sh
PATH=\${PATH#*:}
exec curl --silent --max-time 20 --write-out '\\n' "$@"
`;

/**
 * A folder in which the samples of a page run as they do for a reader. It has this project's sources and scripts. Its
 * packages are those of this project, and the packed `parlor`. Files that samples write stay in it.
 */
export class SampleProject implements Disposable {
  readonly folder = scratchDir("samples");
  readonly #environment: Record<string, string>;
  #programs = 0;
  /** The folder of a Worker. A bundle is cached by the files beside its configuration, so it has no others. */
  readonly #workerFolder = join(this.folder, "worker");

  /** @param parlor the folder of the package */
  private constructor(parlor: string) {
    mkdirSync(this.#workerFolder);
    for (const name of ["src", "worker/src"]) {
      symlinkSync(absolute(name.replace("worker/", "")), join(this.folder, name));
    }
    mkdirSync(join(this.folder, "node_modules"));
    for (const name of readdirSync(absolute("node_modules"))) {
      symlinkSync(absolute(`node_modules/${name}`), join(this.folder, "node_modules", name));
    }
    symlinkSync(parlor, join(this.folder, "node_modules/parlor"));
    const { scripts, type } = JSON.parse(read("package.json")) as Record<string, unknown>;
    this.write("package.json", JSON.stringify({ type, scripts }));
    chmodSync(this.write("bin/curl", CURL), 0o755);
    const own = toolEnvironment(this.folder);
    this.#environment = {
      ...own,
      PATH: `${join(this.folder, "bin")}:${own["PATH"]}`,
      npm_config_update_notifier: "false", // it would send requests to the registry
    };
  }

  /** Makes a new folder. */
  static async create(): Promise<SampleProject> {
    const { folder } = await packParlor();
    return new SampleProject(folder);
  }

  /** Writes a file and its parent folders, and returns its path. */
  write(name: string, content: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** The text of a file that a sample wrote. */
  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** The variables of `.dev.vars`, which `npm run dev` reads when it starts. */
  devVars(): Record<string, string> {
    const lines = this.read(".dev.vars").matchAll(/^(\w+)="?([^"\n]+)"?$/gm);
    return Object.fromEntries([...lines].map(([, name = "", value = ""]) => [name, value]));
  }

  /** Runs lines in a shell until one fails or all have ended. Then it ends the background processes. */
  async shell(lines: string, variables: Readonly<Record<string, string>> = {}): Promise<ShellResult> {
    const script = `set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${lines}`;
    const child = spawn("bash", ["-c", script], {
      cwd: this.folder,
      env: { ...this.#environment, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: SHELL_TIMEOUT_MS,
    });
    const [stdout, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { stdout, stderr, status: child.exitCode };
  }

  /** Starts a command that runs until it ends or is killed. */
  start(command: readonly string[], variables: Readonly<Record<string, string>> = {}): ProcessGroup {
    return new ProcessGroup(command, { cwd: this.folder, env: { ...this.#environment, ...variables } });
  }

  /** Starts a TypeScript program in Node. */
  startProgram(code: string, variables: Readonly<Record<string, string>> = {}): ProcessGroup {
    const path = this.write(`program-${this.#programs++}.ts`, code);
    return this.start([process.execPath, path], variables);
  }

  /** Starts a server from a Worker and its `wrangler.toml`. */
  startWorker(
    worker: string,
    config: string,
    vars: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    this.write("worker/worker.ts", worker);
    return startBareRuntime({ config: this.write("worker/wrangler.toml", config), vars });
  }

  /** Starts Parlor's own Worker with a sample in place of `src/rooms.ts`. */
  startRooms(rooms: string, vars: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const entry = read("src/worker/index.ts").replaceAll('"./', '"./src/worker/');
    this.write("worker/rooms.ts", rooms.replaceAll('"./', '"./src/'));
    return this.startWorker(entry.replace('"../rooms.ts"', '"./rooms.ts"'), completeConfig(), vars);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The complete `wrangler.toml` of a Worker with rooms, as the documentation gives it. */
export function completeConfig(): string {
  const [, , config] = samplesOf("docs/mounting.md", "sh", "ts", "toml", "json");
  return config;
}

/** A sample for a server other than that of `npm run dev`. */
export function at(server: { readonly url: string }, code: string): string {
  return code.replaceAll("localhost:8787", new URL(server.url).host);
}

/** A shell sample in which the line with this beginning runs in the background and writes to a file. */
export function inBackground(code: string, start: string, file: string): string {
  const lines = code.split("\n");
  const index = lines.findIndex((line) => line.startsWith(start));
  if (index === -1) throw new Error(`no line begins with ${start} in:\n${code}`);
  // A comment behind the command would hide the redirection.
  lines[index] = `${lines[index]?.replace(/ +#.*/, "")} > ${file} &`;
  return lines.join("\n");
}

/** The npm scripts that a shell sample runs: those of `package.json`, and others. */
export function scriptsIn(code: string): { readonly known: string[]; readonly unknown: string[] } {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: object };
  const names = [...code.matchAll(/npm run (?:-s )?(\S+)/g)].map(([, name = ""]) => name);
  return {
    known: names.filter((name) => Object.hasOwn(scripts, name)),
    unknown: names.filter((name) => !Object.hasOwn(scripts, name)),
  };
}
