import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository, with a slash at its end. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Installed, generated or private files. Repeats .gitignore, because a copy of the repository may have no git. */
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

/** The paths of all files below `folder`, relative to the root. `folder` is `""` or ends in a slash. */
export function filesIn(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(`${folder}${entry.name}/`) : [folder + entry.name]));
}

/** The text of a file, by its path from the root. */
export function read(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

/** The absolute path of a path from the root. */
export function absolute(path: string): string {
  return ROOT + path;
}
