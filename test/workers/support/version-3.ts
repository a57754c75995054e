/** The epoch of the log that {@link storeVersion3} creates. */
export const EPOCH_3 = "version_3-version_3";

/** The tables of version 3, exactly as its code created them. Stored rooms have them, so this never changes. */
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
];

/**
 * The content of a room when code of version 3 last ran. Every act belongs to one session, and the n-th has the ref n.
 */
interface Version3 {
  readonly session: string;
  readonly member: string;
  /** The offset of its oldest row. Older rows were trimmed. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly perRow: number;
  /** Acts up to this offset were forgotten. */
  readonly floorOffset: number;
  /** The time at which everything was stored, Unix milliseconds. */
  readonly at: number;
}

/** Stores a room as code of version 3 did. */
export function storeVersion3({ sql }: DurableObjectStorage, room: Version3): void {
  for (const statement of TABLES) sql.exec(statement);
  sql.exec(
    "INSERT INTO meta VALUES ('schema', 3), ('epoch', ?), ('floorOffset', ?)",
    EPOCH_3,
    room.floorOffset,
  );
  let start = 0;
  for (let first = room.firstOffset; first <= room.lastOffset; first += room.perRow) {
    const last = Math.min(first + room.perRow - 1, room.lastOffset);
    const offsets = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const body = JSON.stringify(
      offsets.map((offset) => ({
        ...{ type: "message", offset, time: room.at, from: room.member },
        ...{ event: "chat", data: `text ${offset}` },
      })),
    );
    const refs = JSON.stringify(offsets.map((offset) => [room.session, offset, offset]));
    sql.exec(
      "INSERT INTO segment (first, last, at, start, bytes, refs, body, filtered) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
      ...[first, last, room.at, start, body.length, refs, body],
    );
    start += body.length;
  }
  sql.exec(
    "INSERT INTO floor VALUES (?, ?), (?, ?)",
    ...[room.session, room.floorOffset, "another-session-of-all", 7],
  );
}
