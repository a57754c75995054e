import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, LOOPBACK } from "./loopback-port.ts";
import { ProcessGroup } from "./process-group.ts";
import { scratchDir } from "./project.ts";

const INSTALLED = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"];

const found = INSTALLED.find((path) => existsSync(path));

/** Whether tests with nginx can run on this machine. If not, a test is skipped and gives `why` in its title. */
export const nginxAvailable = decide();

/** How long nginx may take to start. */
const START_TIMEOUT_MS = 10_000;

/** A real nginx in front of a server of this machine. */
export class Nginx implements AsyncDisposable {
  /** The server's address through nginx. */
  readonly url: string;
  readonly #port: number;
  readonly #target: number;
  readonly #dir: string;
  readonly #group: ProcessGroup;

  private constructor(port: number, target: number, directives: string) {
    this.url = `http://${LOOPBACK}:${port}`;
    this.#port = port;
    this.#target = target;
    this.#dir = scratchDir("nginx");
    this.#configure(directives);
    this.#group = new ProcessGroup([...this.#command, "-g", "daemon off;"], {
      cwd: this.#dir,
      env: { PATH: process.env["PATH"] },
    });
  }

  /**
   * Starts nginx as a proxy to a port of this machine.
   *
   * @param directives the directives of the location besides `proxy_pass`
   */
  static async to(target: number, directives: string): Promise<Nginx> {
    const port = await freePort();
    const nginx = new Nginx(port, target, directives);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await isListening(port))) {
      if (nginx.#group.hasExited || Date.now() > deadline) {
        await nginx[Symbol.asyncDispose]();
        throw new Error(`nginx did not start; it wrote:\n${nginx.#group.output()}`);
      }
      await delay(10);
    }
    return nginx;
  }

  /** Changes the directives, as an operator does: open requests continue under the old ones. */
  async reload(directives: string): Promise<void> {
    this.#configure(directives);
    const [path = "", ...args] = this.#command;
    await promisify(execFile)(path, [...args, "-s", "reload"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #command(): string[] {
    return [found ?? "", "-p", this.#dir, "-c", join(this.#dir, "nginx.conf"), "-e", "stderr"];
  }

  #configure(directives: string): void {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    // As root, nginx would run its workers as another user, who cannot read this folder.
    writeFileSync(
      join(this.#dir, "nginx.conf"),
      `${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${name};`).join("\n  ")}
  server {
    listen ${LOOPBACK}:${this.#port};
    location / {
      proxy_pass http://${LOOPBACK}:${this.#target};
      ${directives}
    }
  }
}
`,
    );
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, LOOPBACK);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** With `CI=true` a missing nginx is an error, so that no test is skipped. */
function decide(): { readonly ok: true } | { readonly ok: false; readonly why: string } {
  if (found !== undefined) return { ok: true };
  const why = "nginx is not installed: run apt-get install nginx-light";
  if (process.env["CI"] === "true") throw new Error(why);
  return { ok: false, why };
}
