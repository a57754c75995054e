/** The epoch of the log that {@link storeVersion2} creates. */
export const EPOCH_2 = "version_2-version_2";

/**
 * The tables of version 2, exactly as its code migrated them from version 1. Stored rooms have them, so this never
 * changes.
 */
const TABLES = [
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
  "ALTER TABLE segment ADD COLUMN filtered INTEGER NOT NULL DEFAULT 0",
  `CREATE TABLE state (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      version INTEGER NOT NULL,
      owner TEXT
    ) STRICT, WITHOUT ROWID`,
  "ALTER TABLE member ADD COLUMN info TEXT",
  "CREATE TABLE floor (session TEXT PRIMARY KEY, ref INTEGER NOT NULL) STRICT, WITHOUT ROWID",
];

/** The sender of everything in a room of {@link storeVersion2}. */
interface Ana {
  readonly member: string;
  readonly session: string;
  readonly user: string;
}

/** Stores a room as code of version 2 did: a message, a key of the state, and Ana, who was a member at the end. */
export function storeVersion2({ sql }: DurableObjectStorage, ana: Ana, at: number): void {
  for (const statement of TABLES) sql.exec(statement);
  sql.exec("INSERT INTO meta VALUES ('schema', 2), ('epoch', ?)", EPOCH_2);
  const author = { from: ana.member, user: ana.user };
  const body = [
    { type: "message", offset: 1, time: at, ...author, event: "chat", data: "text 1" },
    { type: "state", offset: 2, time: at, ...author, set: { topic: "tea" } },
  ];
  const text = JSON.stringify(body);
  const refs = JSON.stringify([1, 2].map((ref) => [ana.session, ref, ref]));
  sql.exec(
    "INSERT INTO segment (first, last, at, start, bytes, refs, body, filtered) VALUES (1, 2, ?, 0, ?, ?, ?, 0)",
    ...[at, text.length, refs, text],
  );
  sql.exec("INSERT INTO state VALUES (?, ?, 2, NULL)", '"topic"', '"tea"');
  sql.exec(
    "INSERT INTO member (id, session, user, info, data, graceUntil) VALUES (?, ?, ?, ?, ?, NULL)",
    ...[ana.member, ana.session, ana.user, '{"role":"host"}', '"here"'],
  );
  sql.exec("INSERT INTO floor VALUES (?, ?)", "another-session-of-all", 7);
}

/** Converts a room's tables to version 2. */
export function downgradeToVersion2({ sql }: DurableObjectStorage): void {
  sql.exec("DROP TABLE act_block");
  sql.exec("DROP TABLE retired");
  sql.exec("ALTER TABLE floor DROP COLUMN head");
  sql.exec("ALTER TABLE member DROP COLUMN source");
  sql.exec("ALTER TABLE member DROP COLUMN attempt");
  sql.exec("DROP TABLE penalty");
  sql.exec("DROP TABLE ticket");
  sql.exec("UPDATE meta SET value = 2 WHERE name = 'schema'");
}
