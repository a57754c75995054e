import { readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second (proc(5)). */
const TICKS_PER_SECOND = 100;

/**
 * Processor time that all processes of the machine have used since it began, in seconds; `undefined` where there is no
 * /proc to read it from. Without that of interrupts: processes are not billed for it.
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
