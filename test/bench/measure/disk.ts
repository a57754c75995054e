import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scratchDir } from "../../support/project.ts";
import { spreadOf } from "./statistics.ts";

const WRITES = 50;

/** The size of a SQLite page. */
const PAGE_BYTES = 4_096;

/**
 * Returns how long a durable write of one page takes on the disk where rooms are stored: the median in milliseconds.
 * A server that stores a message before it acks it waits for such a write.
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
