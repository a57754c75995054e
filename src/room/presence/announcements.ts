import type { LeaveReason, MemberEntry } from "../../protocol/frames.ts";
import { memberEntry, type Member, type Members } from "./members.ts";
import type { Throttle } from "../../limits/throttle.ts";
import { PresenceChanges } from "./presence-changes.ts";
import type { PresenceNews } from "./presence-news.ts";
import type { Roster } from "./roster.ts";

/** The weight in the presence throttle of a frame that only announces joins; the weight of other frames is 1. */
const JOINED_WEIGHT = 4;

/**
 * Joins, updates and leaves that have not been announced yet. In a storm of joins, announcements wait so that more fit
 * into one frame.
 */
export class Announcements {
  readonly #members: Members;
  readonly #roster: Roster;
  readonly #throttle: Throttle;
  readonly #changes = new PresenceChanges();
  #joined = new Map<string, Member>();
  #updated = new Map<string, Member>();
  #left: { id: string; reason: LeaveReason }[] = [];

  constructor(room: { readonly members: Members; readonly roster: Roster; readonly throttle: Throttle }) {
    this.#members = room.members;
    this.#roster = room.roster;
    this.#throttle = room.throttle;
  }

  /** Announces a new member to the others. The new member reads the list in its own welcome. */
  joined(member: Member): void {
    const wasLeaving = this.#left.some(({ id }) => id === member.id);
    this.#left = this.#left.filter(({ id }) => id !== member.id);
    // For the others, a member that left and rejoined within one flush has only changed.
    if (wasLeaving) this.#updated.set(member.id, member);
    else this.#joined.set(member.id, member);
    this.#changes.note(member.id, "joined", this.#roster.revision);
  }

  /** Announces new presence data of a member. Only the newest data of a flush is announced. */
  updated(member: Member): void {
    if (this.#joined.has(member.id)) this.#joined.set(member.id, member);
    else this.#updated.set(member.id, member);
    this.#changes.note(member.id, "updated", this.#roster.revision);
  }

  /** Announces a leave. */
  left(id: string, reason: LeaveReason): void {
    this.#left.push({ id, reason });
    this.#changes.note(id, reason, this.#roster.revision);
  }

  /** Whether it is known what has changed since a client's list. */
  knows(roster: string): boolean {
    return this.#changes.has(roster);
  }

  /** Everything that has changed since a client's list, as for a flush; `undefined` if that is not known. */
  since(roster: string): PresenceNews | undefined {
    const changed = this.#changes.since(roster);
    if (changed === undefined) return undefined;
    const entries = (ids: readonly string[]): MemberEntry[] =>
      ids.flatMap((id) => this.#members.byId(id) ?? []).map(memberEntry);
    return {
      joined: entries(changed.joined),
      updated: entries(changed.updated),
      left: changed.left,
      count: this.#members.size,
      roster: this.#roster.revision,
      told: "as changes",
      listText: "",
    };
  }

  /** Whether nothing waits to be announced. */
  get isEmpty(): boolean {
    return this.#joined.size + this.#updated.size + this.#left.length === 0;
  }

  /** When the held announcements may be sent, Unix milliseconds; `undefined` if there are none. */
  get heldUntil(): number | undefined {
    return this.isEmpty ? undefined : this.#throttle.at;
  }

  /**
   * Whether the announcements are due now.
   *
   * @param connections the number of connections that would receive them
   * @param how `hasOthers`: other frames are sent anyway; `moreCome`: more clients join in the same turn
   */
  isDue(
    connections: number,
    { hasOthers, moreCome }: { readonly hasOthers: boolean; readonly moreCome: boolean },
    now: number,
  ): boolean {
    if (this.isEmpty) return false;
    if (hasOthers || this.#roster.turnsAt(this.#members.size)) return true;
    // A new member that has not sent anything can be announced a little later, together with further joins.
    const weight = this.#updated.size + this.#left.length > 0 ? 1 : JOINED_WEIGHT;
    return !moreCome && this.#throttle.take(connections * weight, now);
  }

  /** Takes all announcements for a flush. */
  take(): PresenceNews {
    const count = this.#members.size;
    const hasTurned = this.#roster.recount(count);
    const isCrowded = this.#roster.isCrowded(count);
    if (hasTurned) this.#changes.clear(this.#roster.revision);
    const [counted, listed] = hasTurned
      ? (["as a count from now on", "as a list again"] as const)
      : (["as a count", "as changes"] as const);
    const news: PresenceNews = {
      joined: Array.from(this.#joined.values(), memberEntry),
      updated: Array.from(this.#updated.values(), memberEntry),
      left: this.#left,
      count,
      roster: this.#roster.revision,
      told: isCrowded ? counted : listed,
      listText: hasTurned && !isCrowded ? this.#members.listText : "",
    };
    this.#joined = new Map();
    this.#updated = new Map();
    this.#left = [];
    return news;
  }
}
