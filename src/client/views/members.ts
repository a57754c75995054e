import type { AppTypes, PresenceData } from "../../protocol/app-types.ts";
import type { PresenceMode } from "../../protocol/contract.ts";
import type { LeaveReason, MemberEntry, PresenceFrame } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";
import type { LiveMap } from "./live-map.ts";

/** A member of the room. */
export interface Member<App extends AppTypes = AppTypes> extends Omit<MemberEntry, "data"> {
  /** Its presence data; absent until it sets any. */
  readonly data?: PresenceData<App, Json>;
}

/** A member that left, with its last known data. */
export interface DepartedMember<App extends AppTypes = AppTypes> extends Member<App> {
  /** Why it left; `undefined` if the client inferred it from a new list: after a reconnect, or after the mode `count`. */
  readonly reason?: LeaveReason | undefined;
}

/**
 * The members that joined, changed and left. In the mode `count` the lists are empty. That is also true when the mode
 * becomes `count`: the members have not left. When the mode becomes `list` again, the lists have the differences from the
 * earlier list. So each member is reported once as joined, and at most once as left.
 */
export interface PresenceChange<App extends AppTypes = AppTypes> {
  readonly joined: readonly Member<App>[];
  readonly updated: readonly Member<App>[];
  readonly left: readonly DepartedMember<App>[];
  /** Members after the change. */
  readonly count: number;
}

/** The part of a welcome or a presence frame that is about members. */
export type PresenceNews = Omit<PresenceFrame, "type">;

/** The members of a room, as known to this client. In the mode `count` only their number is known. */
export class Members {
  /** By id, in the order in which they were listed or joined. */
  readonly byId: LiveMap<Member>;
  /** The list as it was before the mode `count`. */
  #setAside: readonly Member[] = [];
  #mode: PresenceMode;
  #roster: string | undefined;
  #count = 0;

  /** @param mode the mode that the client requests */
  constructor(mode: PresenceMode, byId: LiveMap<Member>) {
    this.#mode = mode;
    this.byId = byId;
  }

  /** The mode that the room uses now. */
  get mode(): PresenceMode {
    return this.#mode;
  }

  /** The revision of the list, to rejoin with (rule M5); `undefined` without a list. */
  get roster(): string | undefined {
    return this.#mode === "list" ? this.#roster : undefined;
  }

  /** The number of members, including this client; 0 before the first welcome. */
  get count(): number {
    return this.#count;
  }

  /**
   * Applies a welcome or a presence frame. A joined member that is known already counts as changed if its data differs.
   *
   * @returns what changed; `undefined` if nothing changed
   */
  update(news: PresenceNews): PresenceChange | undefined {
    const { mode = this.#mode, members, roster, joined = members ?? [], updated = [], count } = news;
    const hasTurned = mode !== this.#mode;
    if (hasTurned) this.#turn(mode);
    const left: readonly DepartedMember[] =
      members === undefined ? (news.left ?? []) : this.#without(members);
    const change = {
      joined: joined.filter(({ id }) => !this.byId.has(id)),
      updated: [...joined, ...updated].filter((member) => differs(member, this.byId.get(member.id))),
      left: left
        .filter(({ id }) => this.byId.has(id))
        .map((gone) => ({ ...this.byId.get(gone.id), ...gone })),
      count,
    };
    const fresh = [...change.joined, ...change.updated];
    const isListSame = fresh.length + change.left.length === 0;
    if (!isListSame) {
      const byId = this.byId.edit();
      for (const { id } of change.left) byId.delete(id);
      for (const member of fresh) byId.set(member.id, member);
    }
    const isSame = isListSame && !hasTurned && count === this.#count;
    this.#count = count;
    this.#roster = roster;
    return isSame ? undefined : change;
  }

  /** Sets the list aside, or restores the one that was set aside. */
  #turn(mode: PresenceMode): void {
    this.#mode = mode;
    const byId = this.byId.edit();
    const restored = this.#setAside;
    this.#setAside = [...byId.values()];
    byId.clear();
    for (const member of restored) byId.set(member.id, member);
  }

  /** The known members that are not in a list. */
  #without(members: readonly Member[]): Member[] {
    const ids = new Set(members.map(({ id }) => id));
    return [...this.byId.values()].filter(({ id }) => !ids.has(id));
  }
}

/** Whether a member differs from what is known; `false` for an unknown member. */
function differs(member: Member, known: Member | undefined): boolean {
  return known !== undefined && JSON.stringify(member) !== JSON.stringify(known);
}
