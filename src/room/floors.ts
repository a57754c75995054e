import type { Tables } from "./tables.ts";

/**
 * The highest ref of each session that was forgotten: what is not above it may have taken effect, and is refused.
 * Stored, a row for each session, so that it holds when the log has let the acts go.
 */
export interface Floors {
  /** Acts up to this offset are forgotten and stored here. */
  readonly upTo: number;
  /** The floor of a session; 0 for none. */
  of(session: string): number;
  /** Raises floors; within a transaction. */
  store(refs: ReadonlyMap<string, number>, upTo: number): void;
}

/** Floors in SQLite. Read one by one, when a session acts: a room may have had any number of sessions. */
export class SqlFloors implements Floors {
  readonly #tables: Tables;
  #upTo: number | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get upTo(): number {
    this.#upTo ??= this.#tables.read("floorOffset") ?? 0;
    return this.#upTo;
  }

  of(session: string): number {
    if (!this.#tables.exist) return 0;
    const rows = this.#tables.sql.exec<{ ref: number }>("SELECT ref FROM floor WHERE session = ?", session);
    return rows.toArray()[0]?.ref ?? 0;
  }

  store(refs: ReadonlyMap<string, number>, upTo: number): void {
    for (const [session, ref] of refs) {
      this.#tables.sql.exec(
        "INSERT INTO floor VALUES (?, ?) ON CONFLICT DO UPDATE SET ref = max(ref, excluded.ref)",
        ...[session, ref],
      );
    }
    this.#tables.write("floorOffset", upTo);
    this.#upTo = undefined; // The transaction may yet fail.
  }
}

/** None for a kind that stores nothing: what is forgotten is known for as long as its log, and no row must stay for it. */
export class MemoryFloors implements Floors {
  readonly upTo = Infinity;

  of(): number {
    return 0;
  }

  store(): void {}
}
