import type { Members } from "../presence/members.ts";
import type { Sessions } from "../connections/sessions.ts";
import type { Tables } from "../tables.ts";

/** The collaborators that show whether the room is empty. */
interface Collaborators {
  readonly tables: Tables;
  readonly sessions: Sessions;
  readonly members: Members;
}

/**
 * Decides when an empty room is deleted with everything it has stored. An object without storage costs nothing. An object with
 * storage is billed for ever.
 */
export class Vacancy {
  readonly #ttlMs: number;
  readonly #room: Collaborators;

  constructor(ttlMs: number, room: Collaborators) {
    this.#ttlMs = ttlMs;
    this.#room = room;
  }

  /** Whether the room has neither members nor connections that only watch. */
  get isEmpty(): boolean {
    return this.#room.members.size === 0 && this.#room.sessions.size === 0;
  }

  /** Records that the room has become empty. */
  begin(now: number): void {
    if (this.#room.tables.exist) this.#room.tables.write("emptySince", now);
  }

  /** Counts the room as empty from now if the clock was set back since it became empty. Returns whether it was. */
  restart(now: number): boolean {
    if (!this.isEmpty || (this.#room.tables.read("emptySince") ?? 0) <= now) return false;
    this.begin(now);
    return true;
  }

  /** Records that the room is no longer empty. */
  end(): void {
    if (this.#room.tables.exist) this.#room.tables.remove("emptySince");
  }

  /** Whether it is recorded since when the room is empty. A crash may empty a room of connections that only watch, unrecorded. */
  get hasBegun(): boolean {
    return !this.#room.tables.exist || this.#room.tables.read("emptySince") !== undefined;
  }

  /** When the room expires, Unix milliseconds; `undefined` if it is not empty, or has stored nothing. */
  at(): number | undefined {
    if (!this.isEmpty) return undefined;
    const emptySince = this.#room.tables.read("emptySince");
    return emptySince === undefined ? undefined : emptySince + this.#ttlMs;
  }
}
