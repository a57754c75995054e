import type { Kind } from "../config/config.ts";
import type { Counters } from "../metrics/counters.ts";
import type { Penalty } from "../limits/session-budget.ts";
import type { Actor } from "./api.ts";
import type { Tables } from "./tables.ts";

/** Until when a source is muted and kept out, Unix milliseconds. */
interface Terms {
  readonly mutedUntil: number;
  readonly bannedUntil: number;
}

const NONE: Terms = { mutedUntil: 0, bannedUntil: 0 };

/** Who is muted or kept out for a while. Rows, so that neither a new connection nor a sleep of the room ends it. */
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

  /** How long a source is muted, in milliseconds; 0 for who is not. */
  mutedForMs(source: string, now: number): number {
    return this.#leftOf("mute", this.#of(source).mutedUntil, now);
  }

  /** How long a source is kept out, in milliseconds; 0 for who is not. */
  bannedForMs(source: string, now: number): number {
    return this.#leftOf("ban", this.#of(source).bannedUntil, now);
  }

  /** Begins a penalty; one who is muted already is not for longer. */
  impose(penalty: Penalty, source: string, now: number): void {
    if (this.#durations[penalty] === 0 || (penalty === "mute" && this.mutedForMs(source, now) > 0)) return;
    this.#counters.count("penalised", { penalty });
    const until = now + this.#durations[penalty];
    const terms = {
      ...this.#of(source),
      ...(penalty === "mute" ? { mutedUntil: until } : { bannedUntil: until }),
    };
    this.#tables.create();
    const { sql } = this.#tables;
    sql.exec("DELETE FROM penalty WHERE mutedUntil <= ? AND bannedUntil <= ?", now, now);
    sql.exec("INSERT OR REPLACE INTO penalty VALUES (?, ?, ?)", source, terms.mutedUntil, terms.bannedUntil);
    const known = this.#loaded();
    for (const [name, of] of known) if (Math.max(of.mutedUntil, of.bannedUntil) <= now) known.delete(name);
    known.set(source, terms);
  }

  /** None takes longer than it may: the clock was set back, or the option was. */
  #leftOf(penalty: Penalty, until: number, now: number): number {
    const leftMs = until - now;
    return leftMs > this.#durations[penalty] ? 0 : Math.max(0, leftMs);
  }

  #of(source: string): Terms {
    return this.#loaded().get(source) ?? NONE;
  }

  /** Those of the table, read once in each life of the object. */
  #loaded(): Map<string, Terms> {
    if (this.#bySource !== undefined) return this.#bySource;
    this.#bySource = new Map();
    if (!this.#tables.exist) return this.#bySource;
    const rows = this.#tables.sql.exec<TermsRow>("SELECT source, mutedUntil, bannedUntil FROM penalty");
    for (const { source, ...terms } of rows) this.#bySource.set(source, terms);
    return this.#bySource;
  }
}

/** Whom a penalty within the room is for: the user in all its sessions, but never all who share an address. */
export function mutedAs({ user, session, source }: Pick<Actor, "user" | "session" | "source">): string {
  return user === "" ? session : (source ?? session);
}

interface TermsRow extends Record<string, SqlStorageValue>, Terms {
  readonly source: string;
  readonly mutedUntil: number;
  readonly bannedUntil: number;
}
