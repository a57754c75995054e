import type { Members } from "./members.ts";
import { hasTables, readEmptySince, writeEmptySince } from "./schema.ts";

/**
 * When a room that nobody is in any more is deleted with all it stored. An object without storage costs nothing; one
 * with any is billed for ever.
 */
export class Expiry {
  readonly #sql: SqlStorage;
  readonly #members: Members;
  readonly #ttlMs: number;

  constructor(sql: SqlStorage, members: Members, ttlMs: number) {
    this.#sql = sql;
    this.#members = members;
    this.#ttlMs = ttlMs;
  }

  /** Notes that the last member has left. */
  begin(now: number): void {
    writeEmptySince(this.#sql, now);
  }

  /** When the room expires, Unix milliseconds; `undefined` while someone is in it, or it has stored nothing. */
  at(): number | undefined {
    if (this.#members.size > 0 || !hasTables(this.#sql)) return undefined;
    const emptySince = readEmptySince(this.#sql);
    return emptySince === undefined ? undefined : emptySince + this.#ttlMs;
  }
}
