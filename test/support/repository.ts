import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository, with a slash at its end. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Installed, generated or private: no part of the repository. Kept beside .gitignore, as a copy may have no git. */
const NOT_OURS = new Set([
  ".git",
  "node_modules",
  "dist",
  "coverage",
  ".wrangler",
  "artifacts",
  ".dev.vars",
  ".env",
]);

/** Every file below `folder` (`""`, or a path that ends in a slash), named from the root with slashes. */
export function filesIn(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(`${folder}${entry.name}/`) : [folder + entry.name]));
}

/** The text of a file that is named from the root. */
export function read(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

/** The absolute path of what is named from the root. */
export function absolute(path: string): string {
  return ROOT + path;
}
