/** The options that bound how much of a log is kept. */
export interface RetentionLimits {
  readonly historyMaxMessages: number;
  readonly historyMaxBytes: number;
  readonly historyMaxAgeMs: number;
}

/** What the retention must know of a row. */
interface Mark extends Record<string, SqlStorageValue> {
  readonly first: number;
  readonly at: number;
  /** Bytes of the log before this row, removed ones included. */
  readonly start: number;
}

/**
 * Which messages are still served: the newest, within a count, a number of bytes and an age. A row goes as a whole by
 * bytes and age; by count a log is cut to the message.
 */
export class Retention {
  readonly #sql: SqlStorage;
  readonly #limits: RetentionLimits;
  /** The oldest row within bytes and age when it was last looked; it only moves on, also when a clock steps back. */
  #oldest: Mark | undefined;

  constructor(sql: SqlStorage, limits: RetentionLimits) {
    this.#sql = sql;
    this.#limits = limits;
  }

  /**
   * The offset after which messages are served.
   *
   * @param log where the log ends: its last offset, and its bytes since the beginning
   */
  floor(log: { readonly head: number; readonly end: number }, now: number): number {
    let oldest = this.#oldest ?? this.#rowFrom(0);
    while (oldest !== undefined && this.#isPast(oldest, log.end, now))
      oldest = this.#rowFrom(oldest.first + 1);
    this.#oldest = oldest;
    return Math.max(
      oldest === undefined ? log.head : oldest.first - 1,
      log.head - this.#limits.historyMaxMessages,
    );
  }

  /** Looks at the rows anew the next time. */
  forget(): void {
    this.#oldest = undefined;
  }

  #isPast({ at, start }: Mark, end: number, now: number): boolean {
    return at < now - this.#limits.historyMaxAgeMs || end - start > this.#limits.historyMaxBytes;
  }

  #rowFrom(first: number): Mark | undefined {
    const rows = this.#sql.exec<Mark>(
      "SELECT first, at, start FROM segment WHERE first >= ? ORDER BY first LIMIT 1",
      first,
    );
    return rows.toArray()[0];
  }
}
