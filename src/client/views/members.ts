import type { PresenceMode } from "../../protocol/contract.ts";
import type { LeaveReason, MemberEntry, PresenceFrame } from "../../protocol/frames.ts";

/** Someone in the room. */
export type Member = MemberEntry;

/** Someone who left, as last seen. */
export interface DepartedMember extends Member {
  /** Why; `undefined` where only a new list shows it, for this client was away, behind, or in a crowd. */
  readonly reason?: LeaveReason | undefined;
}

/**
 * Who came, changed and went. In the mode `count` the lists are empty, at the turn to it too: a list that is voided is
 * no departure. At the turn back they tell the difference to the list before, so that everyone is told as come once,
 * and as gone at most once.
 */
export interface PresenceChange {
  readonly joined: readonly Member[];
  readonly updated: readonly Member[];
  readonly left: readonly DepartedMember[];
  /** Members after the change. */
  readonly count: number;
}

/** What a welcome or a presence frame says of the members. */
export type PresenceNews = Omit<PresenceFrame, "type">;

/** Who is in a room, as this client knows it. Empty in the mode `count`, but for the number. */
export class Members {
  readonly #byId = new Map<string, Member>();
  /** The list as it was before the mode `count`. */
  readonly #voided = new Map<string, Member>();
  #mode: PresenceMode;
  #roster: string | undefined;
  #count = 0;

  /** @param mode how the room is asked to tell who is here */
  constructor(mode: PresenceMode) {
    this.#mode = mode;
  }

  /** By id, in the order in which they were listed or came. A live view. */
  get byId(): ReadonlyMap<string, Member> {
    return this.#byId;
  }

  /** How the room tells who is here now. */
  get mode(): PresenceMode {
    return this.#mode;
  }

  /** The revision of the list, to come back with (rule M5); `undefined` while there is no list. */
  get roster(): string | undefined {
    return this.#mode === "list" ? this.#roster : undefined;
  }

  /** How many there are, this client included; 0 before the first welcome. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes a welcome or a presence frame. One who came and is here already has changed, or nothing has.
   *
   * @returns what it changed since the last; `undefined` if nothing
   */
  update(news: PresenceNews): PresenceChange | undefined {
    const { mode = this.#mode, members, roster, joined = members ?? [], updated = [], count } = news;
    const hasTurned = mode !== this.#mode;
    if (hasTurned) this.#turn(mode);
    const left: readonly DepartedMember[] =
      members === undefined ? (news.left ?? []) : this.#without(members);
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
      !hasTurned &&
      count === this.#count &&
      [change.joined, change.updated, change.left].every(({ length }) => length === 0);
    this.#count = count;
    this.#roster = roster;
    return isSame ? undefined : change;
  }

  /** Voids the list, or takes it up where it was voided. */
  #turn(mode: PresenceMode): void {
    this.#mode = mode;
    const [from, to] = mode === "count" ? [this.#byId, this.#voided] : [this.#voided, this.#byId];
    for (const [id, member] of from) to.set(id, member);
    from.clear();
  }

  /** Who is not in a list. */
  #without(members: readonly Member[]): Member[] {
    const ids = new Set(members.map(({ id }) => id));
    return [...this.#byId.values()].filter(({ id }) => !ids.has(id));
  }
}

/** Whether a member who is known is no longer as known; `false` for one who is not. */
function differs(member: Member, known: Member | undefined): boolean {
  return known !== undefined && JSON.stringify(member) !== JSON.stringify(known);
}
