/**
 * The version of the tables, kept in `meta`: the platform forbids `PRAGMA user_version`. Code that finds an older one
 * brings it up to date, code that finds a newer one lets the room be.
 *
 * - 1: log, members.
 * - 2: shared state, floors of forgotten acts, messages for some, what tokens say of members.
 * - 3: who is muted or kept out, whose tickets are.
 * - 4: blocks of acts, the age of floors, sessions whose floors are no longer kept; the source of an anonymous member,
 *   the attempt number of a member's connection.
 */
export const SCHEMA_VERSION = 4;

/** What brings tables of a version to the next. */
const MIGRATIONS: Readonly<Record<number, readonly string[]>> = {
  1: [
    "ALTER TABLE segment ADD COLUMN filtered INTEGER NOT NULL DEFAULT 0",
    `CREATE TABLE state (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      version INTEGER NOT NULL,
      owner TEXT
    ) STRICT, WITHOUT ROWID`,
    "ALTER TABLE member ADD COLUMN info TEXT",
    "CREATE TABLE floor (session TEXT PRIMARY KEY, ref INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  ],
  2: [
    `CREATE TABLE penalty (
      source TEXT PRIMARY KEY,
      mutedUntil INTEGER NOT NULL,
      bannedUntil INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE ticket (
      id TEXT PRIMARY KEY,
      session TEXT NOT NULL,
      until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  ],
  3: [
    `CREATE TABLE act_block (
      first INTEGER PRIMARY KEY,
      last INTEGER NOT NULL,
      before INTEGER NOT NULL,
      acts INTEGER NOT NULL,
      since INTEGER NOT NULL,
      at INTEGER NOT NULL,
      digest BLOB NOT NULL,
      refs TEXT NOT NULL
    ) STRICT`,
    "ALTER TABLE floor ADD COLUMN head INTEGER NOT NULL DEFAULT 0",
    "INSERT INTO meta SELECT 'migratedHead', last FROM segment ORDER BY first DESC LIMIT 1",
    "CREATE TABLE retired (chunk INTEGER PRIMARY KEY, ref INTEGER NOT NULL, bits BLOB NOT NULL) STRICT",
    "ALTER TABLE member ADD COLUMN source TEXT",
    "ALTER TABLE member ADD COLUMN attempt INTEGER",
  ],
};

/** The tables of version 1. */
const FIRST = [
  "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
  `CREATE TABLE segment (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    refs TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT`,
  `CREATE TABLE member (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    user TEXT NOT NULL,
    data TEXT,
    graceUntil INTEGER
  ) STRICT, WITHOUT ROWID`,
  "INSERT INTO meta VALUES ('schema', 1)",
];

/** What `meta` holds, by name. */
export interface Meta {
  readonly schema: number;
  /** The epoch of the stored log. */
  readonly epoch: string;
  /** When the last member left, Unix milliseconds. */
  readonly emptySince: number;
  /** Code of version 3 had forgotten the acts up to this offset, and stored their sessions' floors. Not written any more. */
  readonly floorOffset: number;
  /** Where the log ended when floors of version 3 were taken over. */
  readonly migratedHead: number;
  /** The session that the search for old floors has come to. */
  readonly floorCursor: string;
  /** 1 while members are told only how many are here. */
  readonly crowded: number;
}

/** Tables that newer code wrote: this code can neither read nor change them. */
export class NewerTables extends Error {}

/**
 * The room's tables in SQLite. They come with the first admitted join: an empty database already costs storage, so
 * asking whether they are there creates nothing.
 *
 * `segment` has one row per flush, keyed by its first offset; `member` one from a member's join to its departure;
 * `state` one per key; `act_block` one per hundred rows of the log or so, until their acts are forgotten; `floor` one per
 * session whose acts were forgotten, until that is long ago; `retired` 512 at the most for all whose floors are gone; `penalty` one per source that is muted or kept
 * out, `ticket` one per ticket that was used, each until a time. No AUTOINCREMENT and no second index: each
 * would be a billed row more per insert. `refs` stands before `body`, and `digest` before `refs`: reading many of them then
 * passes over no long texts.
 */
export class Tables {
  readonly storage: DurableObjectStorage;
  readonly sql: SqlStorage;
  #exist: boolean | undefined;

  constructor(storage: DurableObjectStorage) {
    this.storage = storage;
    this.sql = storage.sql;
  }

  /**
   * Whether the room has tables yet; older ones are brought up to date.
   *
   * @throws NewerTables
   */
  get exist(): boolean {
    this.#exist ??= this.#open();
    return this.#exist;
  }

  /** Whether newer code wrote them, as after a rollback: this code can then do nothing for the room. */
  get areNewer(): boolean {
    try {
      void this.exist;
      return false;
    } catch (error) {
      if (error instanceof NewerTables) return true;
      throw error;
    }
  }

  /** Sees that there are tables. */
  create(): void {
    if (this.exist) return;
    this.storage.transactionSync(() => {
      for (const statement of FIRST) this.sql.exec(statement);
      this.#migrate(1);
    });
    this.#exist = true;
  }

  /** Reads a value; `undefined` for one that was never written, and before there are tables. */
  read<Name extends keyof Meta>(name: Name): Meta[Name] | undefined {
    if (!this.exist) return undefined;
    const rows = this.sql.exec<{ value: Meta[Name] }>("SELECT value FROM meta WHERE name = ?", name);
    return rows.toArray()[0]?.value;
  }

  /** Writes a value. */
  write<Name extends keyof Meta>(name: Name, value: Meta[Name]): void {
    this.sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value);
  }

  /** Removes a value. */
  remove(name: keyof Meta): void {
    this.sql.exec("DELETE FROM meta WHERE name = ?", name);
  }

  #open(): boolean {
    const found = this.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'");
    if (found.toArray().length === 0) return false;
    const { value: version } = this.sql
      .exec<{ value: number }>("SELECT value FROM meta WHERE name = 'schema'")
      .one();
    if (version > SCHEMA_VERSION) throw new NewerTables(`the tables are of version ${version}`);
    if (version < SCHEMA_VERSION) this.storage.transactionSync(() => this.#migrate(version));
    return true;
  }

  #migrate(from: number): void {
    for (let version = from; version < SCHEMA_VERSION; version++) {
      for (const statement of MIGRATIONS[version] ?? []) this.sql.exec(statement);
    }
    this.write("schema", SCHEMA_VERSION);
  }
}
