import { readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second (proc(5)). */
const TICKS_PER_SECOND = 100;

/**
 * The processor time that all processes of the machine have used since it started, in seconds; `undefined` without /proc.
 * It excludes interrupts, which are not attributed to processes.
 */
export function machineCpuSeconds(): number | undefined {
  try {
    // proc(5): "cpu user nice system idle …" in ticks
    const [user, nice, system] = (/^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "").split(
      " ",
    );
    return (Number(user) + Number(nice) + Number(system)) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
