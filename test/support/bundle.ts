import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { promisify } from "node:util";
import { cachedDir } from "./cache.ts";
import { projectRoot, scratchDir, toolEnvironment, wranglerScript } from "./project.ts";

/** What the bare runtime needs to know about a Worker. Wrangler reads it from the configuration. */
export interface Bundle {
  /** The folder with the modules. */
  readonly dir: string;
  /** File names of the modules, the entry point first. */
  readonly modules: readonly string[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly durableObjects: readonly { readonly binding: string; readonly className: string }[];
}

/** The part of the configuration that is used here. Wrangler's own type does not resolve outside its repository. */
interface WorkerConfig {
  readonly main?: string;
  readonly compatibility_date?: string;
  readonly compatibility_flags: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
}

/** The file beside the modules that keeps the rest of a {@link Bundle}. */
const ABOUT = "about.json";

/**
 * Bundles a Worker as a deployment would, without deploying it. This happens once for each state of the sources: the
 * bundle's folder is named after a hash of the configuration, of `src` and of the Worker's own file.
 */
export async function bundleWorker(config: string): Promise<Bundle> {
  const dir = await cachedDir(`bundle-${hashSources(config)}`, (draft) => build(config, draft));
  return { ...(JSON.parse(readFileSync(join(dir, ABOUT), "utf8")) as Omit<Bundle, "dir">), dir };
}

function hashSources(config: string): string {
  const files = [join(projectRoot, "src"), dirname(config)]
    .flatMap((dir, index) => readdirSync(dir, { recursive: index === 0, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const hash = createHash("sha256");
  for (const file of [
    config,
    join(projectRoot, "package.json"),
    join(projectRoot, "package-lock.json"),
    ...files,
  ]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

async function build(config: string, outdir: string): Promise<void> {
  const scratch = scratchDir("bundle");
  try {
    await promisify(execFile)(
      process.execPath,
      [wranglerScript, "deploy", "--dry-run", "--config", config, "--outdir", outdir],
      { cwd: dirname(config), env: toolEnvironment(scratch) },
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const { unstable_readConfig: readConfig } = await import("wrangler"); // slow to load, and needed only here
  const about = describe(readConfig({ config }, { hideWarnings: true }), readdirSync(outdir));
  writeFileSync(join(outdir, ABOUT), JSON.stringify(about));
}

function describe(worker: WorkerConfig, files: readonly string[]): Omit<Bundle, "dir"> {
  if (worker.main === undefined || worker.compatibility_date === undefined) {
    throw new Error("the configuration names no main module or no compatibility date");
  }
  const entry = `${basename(worker.main, extname(worker.main))}.js`;
  return {
    modules: [entry, ...files.filter((name) => name !== entry && !/\.(map|md)$/.test(name))],
    compatibilityDate: worker.compatibility_date,
    compatibilityFlags: worker.compatibility_flags,
    vars: worker.vars,
    durableObjects: worker.durable_objects.bindings.map((each) => ({
      binding: each.name,
      className: each.class_name,
    })),
  };
}
