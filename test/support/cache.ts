import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project.ts";

/** It goes away with `node_modules`, and nobody commits it. */
const cacheDir = join(projectRoot, "node_modules", ".cache", "parlor");

/**
 * Returns a folder that is made once and then shared by test files and runs.
 *
 * It is made under another name and renamed when it is whole, so several processes may ask at once, and one that is
 * killed half-way leaves no half of a folder under the name.
 *
 * @param name says all that the content depends on, such as a version or a hash
 * @param fill puts the content into an empty folder
 */
export async function cachedDir(name: string, fill: (draft: string) => Promise<void>): Promise<string> {
  const dir = join(cacheDir, name);
  if (existsSync(dir)) return dir;
  const draft = `${dir}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    await fill(draft);
    renameSync(draft, dir);
  } catch (error) {
    if (!existsSync(dir)) throw error; // else another process was faster, with the same content
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return dir;
}
