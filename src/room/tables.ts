/**
 * The version of the tables. It is kept in `meta` because the platform forbids `PRAGMA user_version`. Code that finds
 * an older version migrates it. Code that finds a newer version does not touch the room.
 *
 * - 1: log, members.
 * - 2: shared state, minimum refs of forgotten acts, messages for some members, the `info` of tokens.
 * - 3: penalties, used tickets.
 * - 4: blocks of acts, the age of minimum refs, retired minimum refs; the source of an anonymous member, the attempt
 *   number of a member's connection.
 */
export const SCHEMA_VERSION = 4;

/** The statements that migrate the tables of a version to the next version. */
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

/** The values in `meta`, by name. */
export interface Meta {
  readonly schema: number;
  /** The epoch of the stored log. */
  readonly epoch: string;
  /** When the last member left, Unix milliseconds. */
  readonly emptySince: number;
  /** Version 3 had forgotten the acts up to this offset and stored their minimum refs. Not written any more. */
  readonly floorOffset: number;
  /** The end of the log when the minimum refs of version 3 were migrated. */
  readonly migratedHead: number;
  /** The last session that the search for old minimum refs has visited. */
  readonly floorCursor: string;
  /** 1 while members receive only the count of members. */
  readonly crowded: number;
}

/** Newer code wrote the tables: this code can neither read nor change them. */
export class NewerTables extends Error {}

/**
 * The room's tables in SQLite. They are created by the first admitted join, because even an empty database is billed.
 * Checking whether they exist creates nothing.
 *
 * - `segment`: one row per flush, keyed by its first offset.
 * - `member`: one row per member until it leaves.
 * - `state`: one row per key.
 * - `act_block`: one row per hundred rows of the log or so, until their acts are forgotten.
 * - `floor`: one row per session with forgotten acts, until that is long ago.
 * - `retired`: at most 512 rows for all sessions whose `floor` rows were deleted.
 * - `penalty`: one row per muted or banned source, until the penalty ends.
 * - `ticket`: one row per used ticket, until it expires.
 *
 * There is no AUTOINCREMENT and no second index, because each would add a billed row per insert. `refs` precedes
 * `body`, and `digest` precedes `refs`, so that reading many of them skips no long texts.
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
   * Whether the room has tables. Older tables are migrated.
   *
   * @throws NewerTables
   */
  get exist(): boolean {
    this.#exist ??= this.#open();
    return this.#exist;
  }

  /** Whether newer code wrote the tables, as after a rollback. This code cannot serve the room then. */
  get areNewer(): boolean {
    try {
      void this.exist;
      return false;
    } catch (error) {
      if (error instanceof NewerTables) return true;
      throw error;
    }
  }

  /** Creates the tables if they do not exist. */
  create(): void {
    if (this.exist) return;
    this.storage.transactionSync(() => {
      for (const statement of FIRST) this.sql.exec(statement);
      this.#migrate(1);
    });
    this.#exist = true;
  }

  /** Reads a value; `undefined` if it was never written or the tables do not exist. */
  read<Name extends keyof Meta>(name: Name): Meta[Name] | undefined {
    if (!this.exist) return undefined;
    const rows = this.sql.exec<{ value: Meta[Name] }>("SELECT value FROM meta WHERE name = ?", name);
    return rows.toArray()[0]?.value;
  }

  write<Name extends keyof Meta>(name: Name, value: Meta[Name]): void {
    this.sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value);
  }

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
