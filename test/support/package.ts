import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cachedDir } from "./cache.ts";
import { scratchDir, toolEnvironment } from "./project.ts";
import { absolute, filesIn } from "./repository.ts";

const run = promisify(execFile);

/** The package as `npm pack` makes it. */
export interface Package {
  readonly tarball: string;
  /** The unpacked files. Their dependencies resolve to this repository's `node_modules`. */
  readonly folder: string;
}

/** What npm adds to a package without being asked. */
const ALWAYS_PACKED = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];

/** What the content of the package depends on, besides the sources and {@link ALWAYS_PACKED}. */
const BUILD_CONFIGURATION = ["package-lock.json", "tsconfig.json", "tsconfig.build.json"];

/** Builds and packs this repository's package. This happens once for each state of the sources. */
export async function packParlor(): Promise<Package> {
  const dir = await cachedDir(`package-${hashSources()}`, async (draft) => {
    const scratch = scratchDir("package");
    const env = toolEnvironment(scratch);
    try {
      for (const name of ALWAYS_PACKED) copyFileSync(absolute(name), join(draft, name));
      await run(process.execPath, [absolute("src/build.ts"), join(draft, "dist/lib")]);
      await run("npm", ["pack", "--ignore-scripts"], { cwd: draft, env });
      await run("tar", ["-xzf", tarballName(), "package"], { cwd: draft });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
  return { tarball: join(dir, tarballName()), folder: join(dir, "package") };
}

/** The name of the file that `npm pack` writes. */
export function tarballName(): string {
  const { name, version } = JSON.parse(readFileSync(absolute("package.json"), "utf8")) as {
    name: string;
    version: string;
  };
  return `${name}-${version}.tgz`;
}

function hashSources(): string {
  const hash = createHash("sha256");
  for (const path of [...filesIn("src/"), ...ALWAYS_PACKED, ...BUILD_CONFIGURATION].toSorted()) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(absolute(path)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
