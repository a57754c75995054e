import type { LeaveReason } from "../../protocol/frames.ts";

/** The maximum changes that are remembered. A client that has missed more is sent the whole list. */
const MAX_REMEMBERED = 1_000;

/** A change of the list of members. */
interface Change {
  /** The roster before the change. */
  readonly before: string;
  readonly id: string;
  readonly what: "joined" | "updated" | LeaveReason;
}

/** The members that joined, changed and left, by id. */
export interface ChangedMembers {
  readonly joined: readonly string[];
  readonly updated: readonly string[];
  readonly left: readonly { readonly id: string; readonly reason: LeaveReason }[];
}

/** The newest changes of the list of members, so that a client that polls is sent only those that it has missed. */
export class PresenceChanges {
  #changes: Change[] = [];
  #roster: string | undefined;

  /** Notes a change. `roster` is the name of the list after it. */
  note(id: string, what: Change["what"], roster: string): void {
    if (this.#roster !== undefined) this.#changes.push({ before: this.#roster, id, what });
    this.#roster = roster;
    if (this.#changes.length > 2 * MAX_REMEMBERED) this.#changes = this.#changes.slice(-MAX_REMEMBERED);
  }

  /** Forgets all changes, because members receive the list or the count again. `roster` is the name of the list now. */
  clear(roster: string): void {
    this.#changes = [];
    this.#roster = roster;
  }

  /** Whether it is known what has changed since a client's list. */
  has(roster: string): boolean {
    return this.#changes.some(({ before }) => before === roster);
  }

  /** What has changed since a client's list; `undefined` if that is not known. */
  since(roster: string): ChangedMembers | undefined {
    const from = this.#changes.findLastIndex(({ before }) => before === roster);
    if (from === -1) return undefined;
    const first = new Map<string, Change["what"]>();
    const last = new Map<string, Change["what"]>();
    for (const { id, what } of this.#changes.slice(from)) {
      if (!first.has(id)) first.set(id, what);
      last.set(id, what);
    }
    const joined: string[] = [];
    const updated: string[] = [];
    const left: { id: string; reason: LeaveReason }[] = [];
    for (const [id, what] of last) {
      const wasThere = first.get(id) !== "joined";
      const isThere = what === "joined" || what === "updated";
      if (isThere) (wasThere ? updated : joined).push(id);
      else if (wasThere) left.push({ id, reason: what });
    }
    return { joined, updated, left };
  }
}
