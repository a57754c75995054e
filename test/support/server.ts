import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freePort, LOOPBACK } from "./loopback-port.ts";
import { scratchDir, toolEnvironment, wranglerConfig, wranglerScript } from "./project.ts";
import { ServerProcess } from "./server-process.ts";

/** The options of a server under test. */
export interface ServerOptions {
  /**
   * The folder for the rooms' storage.
   *
   * @default a new one, removed with the server
   */
  persistTo?: string;
  /** The port to listen on. @default a free one */
  port?: number;
  /** Variables of the Worker. They override those of its configuration. */
  vars?: Readonly<Record<string, string>>;
  /** The Worker's configuration file. @default Parlor's own `wrangler.toml` */
  config?: string;
}

/**
 * Starts the real `wrangler dev`, as a developer does, and waits until it responds.
 *
 * It needs no network, and any number can run at the same time. It does not read the developer's own `.dev.vars`.
 */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const scratch = scratchDir("dev");
  const storage = options.persistTo ?? join(scratch, "state");
  const port = options.port ?? (await freePort());
  const config = options.config ?? wranglerConfig;
  const noSecrets = join(scratch, "no-secrets.env"); // an explicit file replaces .dev.vars and .env
  writeFileSync(noSecrets, "");
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  return ServerProcess.start({
    command: [
      process.execPath,
      wranglerScript,
      "dev",
      ...["--config", config],
      ...["--ip", LOOPBACK, "--port", String(port), "--local-protocol", "http"],
      ...["--inspector-port", "0"], // any free port: the default, 9229, can be used only once
      ...["--persist-to", storage],
      ...["--env-file", noSecrets],
      ...["--show-interactive-dev-session", "false"],
      ...vars,
    ],
    cwd: dirname(config),
    env: toolEnvironment(scratch),
    port,
    storage,
    scratch: [scratch],
  });
}
