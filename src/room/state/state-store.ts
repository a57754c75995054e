import type { Tables } from "../tables.ts";

/** A key of the room's state. */
export interface StateEntry {
  /** JSON text. */
  readonly value: string;
  /** The offset that set it. */
  readonly version: number;
  /** The member whose leave deletes the key; absent for a key without an owner. */
  readonly owner: string | undefined;
}

/** Stores the state outside memory. */
export interface StateStore {
  load(): Map<string, StateEntry>;
  /** Writes changes; `undefined` deletes a key. Call it within a transaction. */
  write(changes: ReadonlyMap<string, StateEntry | undefined>): void;
}

/**
 * The state in SQLite, one row for each key. Keys are stored as JSON, because not every string can be stored as text.
 */
export class SqlState implements StateStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  load(): Map<string, StateEntry> {
    if (!this.#tables.exist) return new Map();
    const rows = this.#tables.sql.exec<{ key: string; value: string; version: number; owner: string | null }>(
      "SELECT key, value, version, owner FROM state ORDER BY version",
    );
    const entries = new Map<string, StateEntry>();
    for (const { key, value, version, owner } of rows) {
      entries.set(JSON.parse(key) as string, { value, version, owner: owner ?? undefined });
    }
    return entries;
  }

  write(changes: ReadonlyMap<string, StateEntry | undefined>): void {
    for (const [key, entry] of changes) {
      if (entry === undefined) this.#tables.sql.exec("DELETE FROM state WHERE key = ?", JSON.stringify(key));
      else {
        this.#tables.sql.exec(
          "INSERT OR REPLACE INTO state (key, value, version, owner) VALUES (?, ?, ?, ?)",
          ...[JSON.stringify(key), entry.value, entry.version, entry.owner ?? null],
        );
      }
    }
  }
}

/** The state of a kind that stores nothing. */
export class MemoryState implements StateStore {
  load(): Map<string, StateEntry> {
    return new Map();
  }

  write(): void {}
}
