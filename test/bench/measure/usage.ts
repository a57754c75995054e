import { readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second, regardless of the kernel's own clock (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;

/** The resources that processes have used. */
export interface Usage {
  /** Processor time since they started, user and system, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory in bytes. */
  readonly residentBytes: number;
}

/** The total of several processes; `undefined` without /proc. */
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
    return undefined; // it has ended in the meantime, or there is no /proc
  }
}
