import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * `npm run build`: compiles the package, one module for each source file, into `dist/lib` or the given folder.
 *
 * The worlds are compiled one after another, because their global types contradict each other. They share `protocol/`,
 * which both emit alike.
 */
const out = process.argv[2] ?? fileURLToPath(new URL("../dist/lib", import.meta.url));

/** The entries of the package, by world. `exports` in package.json names the same files. */
const WORLDS = ["tsconfig.build.json", "client/tsconfig.build.json", "react/tsconfig.build.json"];

/** A relative import of a TypeScript file, in a declaration file. */
const TYPESCRIPT_IMPORT = /(?<=(?:from |import |import\()")(\.{1,2}\/[^"]+)\.tsx?(?=")/g;

rmSync(out, { recursive: true, force: true });
for (const world of WORLDS) {
  const config = fileURLToPath(new URL(world, import.meta.url));
  const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  const { status } = spawnSync(process.execPath, [tsc, "-p", config, "--outDir", out], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

// The compiler rewrites the imports of modules to `.js`, but not those of declarations.
for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
  if (!entry.name.endsWith(".d.ts")) continue;
  const path = join(entry.parentPath, entry.name);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(TYPESCRIPT_IMPORT, "$1.js"));
}
