import type { LeaveReason } from "../../protocol/frames.ts";
import { memberEntry, type Member, type Members } from "./members.ts";
import type { Throttle } from "../../limits/throttle.ts";
import type { PresenceNews } from "./presence-news.ts";
import type { Roster } from "./roster.ts";

/** A frame that tells of nothing but who came counts as so many against the throttle of presence. */
const JOINED_WEIGHT = 4;

/** Who has come, changed and gone, and has not been announced yet. In a storm of joins that waits for more. */
export class Announcements {
  readonly #members: Members;
  readonly #roster: Roster;
  readonly #throttle: Throttle;
  #joined = new Map<string, Member>();
  #updated = new Map<string, Member>();
  #left: { id: string; reason: LeaveReason }[] = [];

  constructor(room: { readonly members: Members; readonly roster: Roster; readonly throttle: Throttle }) {
    this.#members = room.members;
    this.#roster = room.roster;
    this.#throttle = room.throttle;
  }

  /** Announces a member who was not here before; the newcomer itself reads of it in its welcome. */
  joined(member: Member): void {
    const wasLeaving = this.#left.some(({ id }) => id === member.id);
    this.#left = this.#left.filter(({ id }) => id !== member.id);
    // Who left and came back before anyone was told has only changed.
    if (wasLeaving) this.#updated.set(member.id, member);
    else this.#joined.set(member.id, member);
    this.#roster.changed();
  }

  /** Announces what a member says of itself; the newest word of a flush wins. */
  updated(member: Member): void {
    if (this.#joined.has(member.id)) this.#joined.set(member.id, member);
    else this.#updated.set(member.id, member);
    this.#roster.changed();
  }

  /** Announces a departure. */
  left(id: string, reason: LeaveReason): void {
    this.#left.push({ id, reason });
    this.#roster.changed();
  }

  /** Whether there is nobody to announce. */
  get isEmpty(): boolean {
    return this.#joined.size + this.#updated.size + this.#left.length === 0;
  }

  /** When those who were held back may be announced, Unix milliseconds; `undefined` when none are. */
  get heldUntil(): number | undefined {
    return this.isEmpty ? undefined : this.#throttle.at;
  }

  /**
   * Whether they are to be announced now, to so many connections.
   *
   * @param how with `hasOthers` something else is told anyway; with `moreCome` others come in the same turn
   */
  isDue(
    connections: number,
    { hasOthers, moreCome }: { readonly hasOthers: boolean; readonly moreCome: boolean },
    now: number,
  ): boolean {
    if (this.isEmpty) return false;
    if (hasOthers || this.#roster.turnsAt(this.#members.size)) return true;
    // Who has come and not been heard from can wait a little longer to be told of: others may follow.
    const weight = this.#updated.size + this.#left.length > 0 ? 1 : JOINED_WEIGHT;
    return !moreCome && this.#throttle.take(connections * weight, now);
  }

  /** Takes them all. */
  take(): PresenceNews {
    const count = this.#members.size;
    const hasTurned = this.#roster.recount(count);
    const isCrowded = this.#roster.isCrowded(count);
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
