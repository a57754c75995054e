import type { LeaveReason, MemberEntry, PresenceFrame, WelcomeFrame } from "../protocol/frames.ts";

/** Someone in the room. */
export type Member = MemberEntry;

/** Someone who left, as last seen. */
export interface DepartedMember extends Member {
  /** Why; `undefined` for one who left while this client was away. */
  readonly reason?: LeaveReason | undefined;
}

/** Who came, changed and went. In the mode `count` the lists are empty. */
export interface PresenceChange {
  readonly joined: readonly Member[];
  readonly updated: readonly Member[];
  readonly left: readonly DepartedMember[];
  /** Members after the change. */
  readonly count: number;
}

/** Who came, changed and went, as a room tells it or as a new list shows it. */
export type PresenceNews = Pick<PresenceFrame, "joined" | "updated" | "count"> & {
  readonly left?: readonly DepartedMember[];
};

/** Who is in a room, as this client knows it. Empty in the mode `count`, but for the number. */
export class Members {
  readonly #byId = new Map<string, Member>();
  #count = 0;

  /** By id, in the order in which they were listed or came. A live view. */
  get byId(): ReadonlyMap<string, Member> {
    return this.#byId;
  }

  /** How many there are, this client included; 0 before the first welcome. */
  get count(): number {
    return this.#count;
  }

  /** Takes the list of a welcome. Returns what is new since the last connection; `undefined` if nothing is. */
  reset({ members = [], count }: Pick<WelcomeFrame, "members" | "count">): PresenceChange | undefined {
    const ids = new Set(members.map(({ id }) => id));
    const left = [...this.#byId.values()].filter(({ id }) => !ids.has(id));
    return this.update({ joined: members, left, count });
  }

  /**
   * Takes a presence frame. One who came and is here already has changed, or nothing has.
   *
   * @returns what it changed; `undefined` if nothing
   */
  update({ joined = [], updated = [], left = [], count }: PresenceNews): PresenceChange | undefined {
    const change = {
      joined: joined.filter(({ id }) => !this.#byId.has(id)),
      updated: [...joined, ...updated].filter((member) => differs(member, this.#byId.get(member.id))),
      left: left
        .filter(({ id }) => this.#byId.has(id))
        .map((gone) => ({ ...this.#byId.get(gone.id), ...gone })),
      count,
    };
    for (const { id } of change.left) this.#byId.delete(id);
    for (const member of [...change.joined, ...change.updated]) this.#byId.set(member.id, member);
    const isSame =
      count === this.#count &&
      [change.joined, change.updated, change.left].every(({ length }) => length === 0);
    this.#count = count;
    return isSame ? undefined : change;
  }
}

/** Whether a member who is known is no longer as known; `false` for one who is not. */
function differs(member: Member, known: Member | undefined): boolean {
  return known !== undefined && JSON.stringify(member) !== JSON.stringify(known);
}
