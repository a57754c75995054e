import { COUNTED_LEVEL, type CounterName, type CountsOf, type Labels } from "./log-events.ts";
import { isLogged, log } from "./log.ts";

/** The interval of the log lines, in milliseconds. A flood writes a line per second, not a line per message. */
export const TELL_EVERY_MS = 1_000;

/** Counts frequent events, and writes one log line for each counter and its labels per interval. */
export class Counters {
  readonly #counts = new Map<
    string,
    { readonly fields: object; readonly name: CounterName; count: number }
  >();
  #dueAt: number | undefined;

  /** Adds one to a count. */
  count<Name extends CounterName>(name: Name, labels: Labels<Name>): void {
    const key = [name, ...Object.values(labels)].join(" ");
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { name, fields: labels, count: 1 });
    else known.count++;
  }

  /**
   * When to call {@link tell}, Unix milliseconds: {@link TELL_EVERY_MS} after the first call of this with a count, and never
   * later than that from now, if the clock was set back. `undefined` if there is no count, or if the level is not logged.
   */
  dueAt(now: number): number | undefined {
    if (this.#counts.size > 0 && isLogged(COUNTED_LEVEL))
      this.#dueAt = Math.min(this.#dueAt ?? Infinity, now + TELL_EVERY_MS);
    return this.#dueAt;
  }

  /**
   * Writes the counts and resets them, if they are due.
   *
   * @param of fields that say whose counts they are
   * @param dueBy counts that were due until this time, Unix milliseconds, are written, even if the clock was set back since
   */
  tell(of: CountsOf, dueBy: number): void {
    if ((this.#dueAt ?? Infinity) > dueBy) return;
    for (const { name, fields, count } of this.#counts.values()) log(name, { ...of, ...fields, count });
    this.#counts.clear();
    this.#dueAt = undefined;
  }
}
