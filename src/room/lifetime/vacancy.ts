import type { Members } from "../presence/members.ts";
import type { Sessions } from "../connections/sessions.ts";
import type { Tables } from "../tables.ts";

/**
 * When a room that nobody is in any more is deleted with all it stored. An object without storage costs nothing; one
 * with any is billed for ever.
 */
export class Vacancy {
  readonly #tables: Tables;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #ttlMs: number;

  constructor(tables: Tables, sessions: Sessions, members: Members, ttlMs: number) {
    this.#tables = tables;
    this.#sessions = sessions;
    this.#members = members;
    this.#ttlMs = ttlMs;
  }

  /** Whether nobody is in the room, not to watch either. */
  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#sessions.size === 0;
  }

  /** Notes that the last has left. */
  begin(now: number): void {
    if (this.#tables.exist) this.#tables.write("emptySince", now);
  }

  /** If the clock was set back since the room became empty, counts it as empty from now. Returns whether it was. */
  restart(now: number): boolean {
    if (!this.isEmpty || (this.#tables.read("emptySince") ?? 0) <= now) return false;
    this.begin(now);
    return true;
  }

  /** Notes that someone is in the room again. */
  end(): void {
    if (this.#tables.exist) this.#tables.remove("emptySince");
  }

  /** Whether an empty room knows since when: a crash may have emptied it, of those who only watched. */
  get hasBegun(): boolean {
    return !this.#tables.exist || this.#tables.read("emptySince") !== undefined;
  }

  /** When the room expires, Unix milliseconds; `undefined` while someone is in it, or it has stored nothing. */
  at(): number | undefined {
    if (!this.isEmpty) return undefined;
    const emptySince = this.#tables.read("emptySince");
    return emptySince === undefined ? undefined : emptySince + this.#ttlMs;
  }
}
