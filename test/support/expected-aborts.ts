/** What workerd reports when a test ends all objects at once, as a crash does. */
const ABORT = "Application called abortAllDurableObjects()";

/** Keeps the stacks of deliberate crashes out of the report. The pool prints them and has no option to omit them. */
export function hideExpectedAborts(): void {
  const write = process.stderr.write.bind(process.stderr) as (...args: unknown[]) => boolean;
  process.stderr.write = (...args: unknown[]) => String(args[0]).includes(ABORT) || write(...args);
}
