import type { Kind } from "../../config/config.ts";
import { endsAt } from "../../limits/durations.ts";
import type { Counters } from "../../metrics/counters.ts";
import type { Penalty } from "../../limits/session-budget.ts";
import type { MemberActor } from "../api.ts";
import type { Tables } from "../tables.ts";

/** The ends of a source's mute and ban, Unix milliseconds. */
interface Terms {
  readonly mutedUntil: number;
  readonly bannedUntil: number;
}

const NONE: Terms = { mutedUntil: 0, bannedUntil: 0 };

/**
 * The muted and banned sources. They are stored as rows, so that neither a new connection nor hibernation of the room
 * ends a penalty.
 */
export class Penalties {
  readonly #tables: Tables;
  readonly #counters: Counters;
  readonly #durations: { readonly [Name in Penalty]: number };
  #bySource: Map<string, Terms> | undefined;

  constructor(tables: Tables, { muteMs, banMs }: Pick<Kind, "muteMs" | "banMs">, counters: Counters) {
    this.#tables = tables;
    this.#counters = counters;
    this.#durations = { mute: muteMs, ban: banMs };
  }

  /** The remaining mute of a source, in milliseconds; 0 if it is not muted. */
  mutedForMs(source: string, now: number): number {
    return Math.max(0, this.#of(source, now).mutedUntil - now);
  }

  /** The remaining ban of a source, in milliseconds; 0 if it is not banned. */
  bannedForMs(source: string, now: number): number {
    return Math.max(0, this.#of(source, now).bannedUntil - now);
  }

  /** Begins a penalty. A source that is muted already is not muted for longer. */
  impose(penalty: Penalty, source: string, now: number): void {
    if (this.#durations[penalty] === 0 || (penalty === "mute" && this.mutedForMs(source, now) > 0)) return;
    this.#counters.count("penalised", { penalty });
    const until = now + this.#durations[penalty];
    const terms = {
      ...this.#of(source, now),
      ...(penalty === "mute" ? { mutedUntil: until } : { bannedUntil: until }),
    };
    this.#tables.create();
    const { sql } = this.#tables;
    sql.exec("DELETE FROM penalty WHERE mutedUntil <= ? AND bannedUntil <= ?", now, now);
    const known = this.#loaded(now);
    this.#put(source, terms);
    for (const [name, of] of known) if (Math.max(of.mutedUntil, of.bannedUntil) <= now) known.delete(name);
  }

  /** Restarts penalties that end too late because the clock was set back or the option was lowered. */
  restart(now: number): void {
    for (const [source, { mutedUntil, bannedUntil }] of this.#bySource ?? []) {
      const terms = {
        mutedUntil: endsAt(mutedUntil, this.#durations.mute, now),
        bannedUntil: endsAt(bannedUntil, this.#durations.ban, now),
      };
      if (terms.mutedUntil !== mutedUntil || terms.bannedUntil !== bannedUntil) this.#put(source, terms);
    }
  }

  #of(source: string, now: number): Terms {
    return this.#loaded(now).get(source) ?? NONE;
  }

  /** The penalties of the table, read once in each life of the object. */
  #loaded(now: number): Map<string, Terms> {
    if (this.#bySource !== undefined) return this.#bySource;
    this.#bySource = new Map();
    if (!this.#tables.exist) return this.#bySource;
    const rows = this.#tables.sql.exec<TermsRow>("SELECT source, mutedUntil, bannedUntil FROM penalty");
    for (const { source, ...terms } of rows) this.#bySource.set(source, terms);
    this.restart(now);
    return this.#bySource;
  }

  #put(source: string, terms: Terms): void {
    this.#bySource?.set(source, terms);
    const { sql } = this.#tables;
    sql.exec("INSERT OR REPLACE INTO penalty VALUES (?, ?, ?)", source, terms.mutedUntil, terms.bannedUntil);
  }
}

/**
 * The key of a mute: a verified user in all its sessions, or one anonymous session. A mute never affects everyone at an
 * address.
 */
export function mutedAs({ user, session, source }: Pick<MemberActor, "user" | "session" | "source">): string {
  return user === "" ? session : (source ?? session);
}

interface TermsRow extends Record<string, SqlStorageValue>, Terms {
  readonly source: string;
  readonly mutedUntil: number;
  readonly bannedUntil: number;
}
