/** The version of the tables, kept in `meta`: the platform forbids `PRAGMA user_version`. */
const SCHEMA_VERSION = 1;

/** Whether a room has tables yet; asking creates nothing, so reads of unused rooms cost no storage. */
export function hasTables(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray().length > 0;
}

/**
 * Creates the tables. Called by the first admitted join: an empty database already costs storage.
 *
 * `segment` has one row per flush, keyed by its first offset; `member` one from a member's join to its departure. No
 * AUTOINCREMENT and no second index: each would be a billed row more per insert. `refs` stands before `body`: reading
 * many of them then passes over no long texts.
 */
export function createTables(sql: SqlStorage, epoch: string): void {
  sql.exec(`CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID`);
  sql.exec(`CREATE TABLE segment (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    refs TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT`);
  sql.exec(`CREATE TABLE member (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    user TEXT NOT NULL,
    data TEXT,
    graceUntil INTEGER
  ) STRICT, WITHOUT ROWID`);
  sql.exec("INSERT INTO meta VALUES ('schema', ?), ('epoch', ?)", SCHEMA_VERSION, epoch);
}

/** The epoch of the stored log. */
export function readEpoch(sql: SqlStorage): string {
  return sql.exec<{ value: string }>("SELECT value FROM meta WHERE name = 'epoch'").one().value;
}

/** When the last member left, Unix milliseconds; `undefined` in a room that nobody has left empty yet. */
export function readEmptySince(sql: SqlStorage): number | undefined {
  const rows = sql.exec<{ value: number }>("SELECT value FROM meta WHERE name = 'emptySince'").toArray();
  return rows[0]?.value;
}

/** Notes when the last member left. */
export function writeEmptySince(sql: SqlStorage, now: number): void {
  sql.exec("INSERT OR REPLACE INTO meta VALUES ('emptySince', ?)", now);
}
