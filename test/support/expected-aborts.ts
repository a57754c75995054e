/** What workerd reports when a test ends all objects at once, as a crash does. */
const ABORT = "Application called abortAllDurableObjects()";

/** Keeps the stacks of crashes that tests cause on purpose out of the report. The pool prints them and has no option for it. */
export function hideExpectedAborts(): void {
  const write = process.stderr.write.bind(process.stderr) as (...args: unknown[]) => boolean;
  process.stderr.write = (...args: unknown[]) => String(args[0]).includes(ABORT) || write(...args);
}
