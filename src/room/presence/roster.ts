import type { PresenceMode } from "../../protocol/contract.ts";
import type { Session } from "../connections/sessions.ts";
import type { Tables } from "../tables.ts";
import type { Members } from "./members.ts";

/**
 * The list is sent again below this share of `presenceListMax`, so that a room near the limit does not switch back and
 * forth.
 */
const CALM_SHARE = 0.8;

/**
 * The list of members has revisions, named by its contents. A client that reconnects with the current revision has the list
 * already. Above a limit, members receive only the count. A revision has another name then, so that a client that polls learns
 * of the change even if the list is the same as before.
 */
export class Roster {
  readonly #tables: Tables;
  readonly #members: Pick<Members, "fingerprint" | "size">;
  readonly #listMax: number;
  /** Whether members received only the count; `unknown` if that was not stored before the object slept. */
  #isCrowded: boolean | "unknown" | undefined;

  constructor(tables: Tables, members: Pick<Members, "fingerprint" | "size">, presenceListMax: number) {
    this.#tables = tables;
    this.#members = members;
    this.#listMax = presenceListMax;
  }

  get revision(): string {
    const { fingerprint, size } = this.#members;
    return this.isCrowded(size) ? `${fingerprint}.count` : fingerprint;
  }

  /** Whether the room has too many members for a list. */
  isCrowded(members: number): boolean {
    this.#isCrowded ??= this.#stored(members);
    return this.#isCrowded === "unknown" ? members > this.#listMax : this.#isCrowded;
  }

  /** How a connection receives presence while the room has this many members. */
  modeOf({ record, rights }: Session, members: number): PresenceMode {
    return this.isCrowded(members) || !rights.may("members") ? "count" : record.mode;
  }

  /**
   * Updates the form for a new number of members. Returns true if the form has changed or may have changed. Then all
   * members must receive the list or the count again.
   */
  recount(members: number): boolean {
    const hasTurned = this.turnsAt(members);
    this.#isCrowded = members > this.#limit(members);
    if (!hasTurned) return false;
    if (this.#tables.exist) this.#tables.write("crowded", Number(this.#isCrowded));
    return true;
  }

  /** Whether this number of members changes the form, list or count. */
  turnsAt(members: number): boolean {
    const was = this.isCrowded(members);
    return this.#isCrowded === "unknown" || was !== members > this.#limit(members);
  }

  #limit(members: number): number {
    return this.isCrowded(members) && this.#isCrowded !== "unknown"
      ? this.#listMax * CALM_SHARE
      : this.#listMax;
  }

  /** A room that had no tables when the form last changed may have slept on either side of the limit. */
  #stored(members: number): boolean | "unknown" {
    const stored = this.#tables.read("crowded");
    if (stored !== undefined) return stored === 1;
    return members > this.#listMax * CALM_SHARE ? "unknown" : false;
  }
}
