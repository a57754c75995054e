import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scratchDir } from "../../support/project.ts";
import { spreadOf } from "./statistics.ts";

const WRITES = 50;

/** A page of SQLite's. */
const PAGE_BYTES = 4_096;

/**
 * How long a page takes to be safe on the disk that the servers' rooms are stored on, the median in milliseconds. Whoever
 * stores a message before it is acked waits for that.
 */
export function diskWriteMs(): number {
  const dir = scratchDir("disk");
  const file = openSync(join(dir, "page"), "w");
  try {
    const took = Array.from({ length: WRITES }, () => {
      const startedAt = performance.now();
      writeSync(file, Buffer.alloc(PAGE_BYTES));
      fsyncSync(file);
      return performance.now() - startedAt;
    });
    return spreadOf(took)?.median ?? 0;
  } finally {
    closeSync(file);
    rmSync(dir, { recursive: true });
  }
}
