import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project.ts";

/** Inside `node_modules`, so it is deleted together with it and never committed. */
const cacheDir = join(projectRoot, "node_modules", ".cache", "parlor");

/**
 * Returns a folder that is created once and then shared by test files and runs.
 *
 * It is created under another name and renamed when it is complete. Several processes can therefore request it at once,
 * and a process that is killed leaves no incomplete folder under the name.
 *
 * @param name everything that the content depends on, such as a version or a hash
 * @param fill writes the content into an empty folder
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
    if (!existsSync(dir)) throw error; // otherwise another process was faster, with the same content
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return dir;
}
