import { readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock is (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;

/** What processes have used. */
export interface Usage {
  /** Processor time since they began, user's and system's, in seconds. */
  readonly cpuSeconds: number;
  /** Memory in RAM, in bytes. */
  readonly residentBytes: number;
}

/** What processes have used together; `undefined` where there is no /proc to read it from. */
export function usageOf(pids: readonly number[]): Usage | undefined {
  const each = pids.flatMap((pid) => usageOfOne(pid) ?? []);
  if (each.length === 0) return undefined;
  return {
    cpuSeconds: each.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentBytes: each.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  };
}

function usageOfOne(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): "pid (name) state …", utime and stime 11 and 12 fields after the state; the name may hold spaces
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    return { cpuSeconds: ticks / TICKS_PER_SECOND, residentBytes: residentKiB * 1_024 };
  } catch {
    return undefined; // it ended while we looked, or there is no /proc
  }
}
