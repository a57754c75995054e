import type { PresenceMode } from "../../protocol/contract.ts";
import type { Session } from "../connections/sessions.ts";
import type { Tables } from "../tables.ts";

/** Below this part of `presenceListMax` members are listed again: a room at the brink does not change back and forth. */
const CALM_SHARE = 0.8;

/**
 * The list of members, as a thing that has revisions: a client that returns with the current one has the list. Above
 * a size members are told only how many are here.
 */
export class Roster {
  readonly #tables: Tables;
  readonly #listMax: number;
  /** Another in each life of the object, so that a revision is never given twice. */
  readonly #life = crypto.randomUUID().slice(0, 8);
  #changes = 0;
  /** What members were told last; `unknown` where that was not stored before the object slept. */
  #isCrowded: boolean | "unknown" | undefined;

  constructor(tables: Tables, presenceListMax: number) {
    this.#tables = tables;
    this.#listMax = presenceListMax;
  }

  get revision(): string {
    return `${this.#life}.${this.#changes}`;
  }

  /** Notes a change of the list. */
  changed(): void {
    this.#changes++;
  }

  /** Whether there are too many members to list. */
  isCrowded(members: number): boolean {
    this.#isCrowded ??= this.#stored(members);
    return this.#isCrowded === "unknown" ? members > this.#listMax : this.#isCrowded;
  }

  /** How a connection receives presence while the room has this many members. */
  modeOf({ record, rights }: Session, members: number): PresenceMode {
    return this.isCrowded(members) || !rights.may("members") ? "count" : record.mode;
  }

  /**
   * Judges the number of members anew; returns whether that changed how they are told, or may have: then all of them
   * are told anew.
   */
  recount(members: number): boolean {
    const hasTurned = this.turnsAt(members);
    this.#isCrowded = members > this.#limit(members);
    if (!hasTurned) return false;
    if (this.#tables.exist) this.#tables.write("crowded", Number(this.#isCrowded));
    return true;
  }

  /** Whether to tell so many members makes a difference to how they are told. */
  turnsAt(members: number): boolean {
    const was = this.isCrowded(members);
    return this.#isCrowded === "unknown" || was !== members > this.#limit(members);
  }

  #limit(members: number): number {
    return this.isCrowded(members) && this.#isCrowded !== "unknown"
      ? this.#listMax * CALM_SHARE
      : this.#listMax;
  }

  /** A room without tables, where members are their connections, may have slept at either side of the brink. */
  #stored(members: number): boolean | "unknown" {
    if (this.#tables.exist) return this.#tables.read("crowded") === 1;
    return members > this.#listMax * CALM_SHARE ? "unknown" : false;
  }
}
