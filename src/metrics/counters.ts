import { isLogged, log } from "./log.ts";

/** One row of {@link COUNTERS}. */
interface CounterRow {
  /** What its counts are told apart by. */
  readonly labels: readonly string[];
  /** One plain sentence. */
  readonly text: string;
}

/** What is counted. Add a row here and nowhere else: README's table is generated from this one. */
export const COUNTERS = {
  refused: {
    labels: ["code", "limit"],
    text: "Joins, requests and messages that were refused, by the error's code and the limit that was met",
  },
  penalised: {
    labels: ["penalty"],
    text: "Members who were refused so often that they were muted (`mute`), or closed and kept out (`ban`)",
  },
} as const satisfies Record<string, CounterRow>;

/** The name of a counter. */
export type CounterName = keyof typeof COUNTERS;

/** What tells the counts of one counter apart: a value per label, absent where it has none. */
export type Labels<Name extends CounterName> = Readonly<
  Partial<Record<(typeof COUNTERS)[Name]["labels"][number], string | undefined>>
>;

/** How important their lines are. */
const LEVEL = "info";

/** Counts are told of so often, in milliseconds: a flood is a line a second, not a line a message. */
export const TELL_EVERY_MS = 1_000;

/** Counts what happens often, and tells of it in one log line per counter and labels at a time. */
export class Counters {
  readonly #counts = new Map<
    string,
    { readonly fields: object; readonly name: CounterName; count: number }
  >();
  #dueAt: number | undefined;

  /** Counts one more. */
  count<Name extends CounterName>(name: Name, labels: Labels<Name>): void {
    const key = [name, ...Object.values(labels)].join(" ");
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { name, fields: labels, count: 1 });
    else known.count++;
  }

  /**
   * When to {@link tell}, Unix milliseconds: {@link TELL_EVERY_MS} after this is asked for the first time. Never where
   * nobody would read of it.
   */
  dueAt(now: number): number | undefined {
    if (this.#counts.size > 0 && isLogged(LEVEL)) this.#dueAt ??= now + TELL_EVERY_MS;
    return this.#dueAt;
  }

  /**
   * Writes what was counted and begins anew, where it is time to.
   *
   * @param of whose counts they are
   */
  tell(of: Readonly<Record<string, string | undefined>>, now: number): void {
    if ((this.#dueAt ?? Infinity) > now) return;
    for (const { name, fields, count } of this.#counts.values())
      log(LEVEL, name, { ...of, ...fields, count });
    this.#counts.clear();
    this.#dueAt = undefined;
  }
}
