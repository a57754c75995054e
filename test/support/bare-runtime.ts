import { mkdirSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { bundleWorker, type Bundle } from "./bundle.ts";
import { freePort, LOOPBACK } from "./loopback-port.ts";
import { projectRoot, scratchDir, toolEnvironment, wranglerConfig } from "./project.ts";
import { ServerProcess } from "./server-process.ts";
import type { ServerOptions } from "./server.ts";

const workerd = join(projectRoot, "node_modules", ".bin", "workerd");

/** Prefix of the process variables that carry the Worker's variables past the configuration's quoting rules. */
const VAR_PREFIX = "PARLOR_VAR_";

/** The options of a bare runtime. */
export interface BareOptions extends ServerOptions {
  /** A command to run the runtime with, such as `taskset` with its arguments. @default none */
  runner?: readonly string[];
}

/**
 * Starts the Worker's bundle in workerd alone. It starts in a fraction of a second and has no proxy in front, which makes
 * measurements fair. It has no rate limit or assets bindings.
 */
export async function startBareRuntime(options: BareOptions = {}): Promise<ServerProcess> {
  const bundle = await bundleWorker(options.config ?? wranglerConfig);
  const scratch = scratchDir("bare");
  const storage = options.persistTo ?? join(scratch, "state");
  mkdirSync(storage, { recursive: true });
  const port = options.port ?? (await freePort());
  const vars = { ...bundle.vars, ...options.vars };
  const config = join(scratch, "workerd.capnp");
  writeFileSync(config, workerdConfig(bundle, vars, relative(scratch, bundle.dir)));
  const texts = Object.entries(vars).flatMap(([name, value]) =>
    typeof value === "string" ? [[VAR_PREFIX + name, value]] : [],
  );
  return ServerProcess.start({
    command: [
      ...(options.runner ?? []),
      workerd,
      "serve",
      config,
      `--socket-addr=http=${LOOPBACK}:${port}`,
      `--directory-path=storage=${storage}`,
    ],
    cwd: scratch,
    env: { ...toolEnvironment(scratch), ...Object.fromEntries(texts) },
    port,
    storage,
    scratch: [scratch],
  });
}

/** The configuration in Cap'n Proto's text format. Files are named relative to it. */
function workerdConfig(bundle: Bundle, vars: Readonly<Record<string, unknown>>, bundleDir: string): string {
  const modules = bundle.modules.map(
    (name) => `(name = ${quote(name)}, ${moduleKind(name)} = embed ${quote(join(bundleDir, name))})`,
  );
  const varBindings = Object.entries(vars).map(([name, value]) =>
    typeof value === "string"
      ? `(name = ${quote(name)}, fromEnvironment = ${quote(VAR_PREFIX + name)})`
      : `(name = ${quote(name)}, json = ${quote(JSON.stringify(value))})`,
  );
  const roomBindings = bundle.durableObjects.map(
    ({ binding, className }) => `(name = ${quote(binding)}, durableObjectNamespace = ${quote(className)})`,
  );
  const namespaces = bundle.durableObjects.map(
    ({ className }) =>
      `(className = ${quote(className)}, uniqueKey = ${quote(`parlor-${className}`)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "storage", disk = (writable = true)),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  compatibilityFlags = [${bundle.compatibilityFlags.map(quote).join(", ")}],
  modules = [
    ${modules.join(",\n    ")},
  ],
  bindings = [
    ${[...varBindings, ...roomBindings].join(",\n    ")},
  ],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "storage"),
);
`;
}

function quote(text: string): string {
  return JSON.stringify(text); // the same escapes, for text without control characters
}

function moduleKind(name: string): string {
  switch (extname(name)) {
    case ".js":
    case ".mjs":
      return "esModule";
    case ".wasm":
      return "wasm";
    case ".bin":
      return "data";
    default:
      return "text";
  }
}
