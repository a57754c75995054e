import type { StoredRef } from "../../../src/room/log/segment-store.ts";

/** The epoch of the log that {@link storeVersion1} creates. */
export const EPOCH_1 = "version_1-version_1";

/** The tables of version 1, exactly as its code created them. Stored rooms have them, so this never changes. */
const TABLES = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID`,
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
];

/** A member as code of version 1 stored it. */
export interface StoredMember {
  readonly member: string;
  readonly session: string;
  /** JSON text. */
  readonly data?: string;
  readonly graceUntil?: number;
}

/** The content of a room when code of version 1 last ran. */
interface Version1 {
  /** The number of messages in each row. */
  readonly rows: readonly number[];
  /** The sender of all messages. The n-th message belongs to the act with ref n. */
  readonly by: { readonly member: string; readonly session: string };
  /** The time of all messages, Unix milliseconds. */
  readonly at: number;
  readonly members?: readonly StoredMember[];
  readonly emptySince?: number;
}

/** Stores a room as code of version 1 did. Returns its messages. */
export function storeVersion1(
  { sql }: DurableObjectStorage,
  { rows, by, at, members = [], emptySince }: Version1,
): { readonly offset: number }[] {
  for (const statement of TABLES) sql.exec(statement);
  sql.exec("INSERT INTO meta VALUES ('schema', ?), ('epoch', ?)", 1, EPOCH_1);
  const messages: { readonly offset: number }[] = [];
  let start = 0;
  for (const size of rows) {
    const first = messages.length + 1;
    const row = Array.from({ length: size }, (_, index) => ({
      type: "message",
      offset: first + index,
      time: at,
      from: by.member,
      event: "chat",
      data: `text ${first + index}`,
    }));
    const refs = row.map(({ offset }): StoredRef => [by.session, offset, offset]);
    const texts = row.map((message) => JSON.stringify(message));
    const bytes = texts.reduce((sum, { length }) => sum + length + 1, 0);
    sql.exec(
      "INSERT INTO segment (first, last, at, start, bytes, refs, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...[first, first + size - 1, at, start, bytes, JSON.stringify(refs), `[${texts.join(",")}]`],
    );
    messages.push(...row);
    start += bytes;
  }
  for (const { member, session, data, graceUntil } of members) {
    sql.exec(
      "INSERT OR REPLACE INTO member (id, session, user, data, graceUntil) VALUES (?, ?, ?, ?, ?)",
      ...[member, session, "", data ?? null, graceUntil ?? null],
    );
  }
  if (emptySince !== undefined) sql.exec("INSERT OR REPLACE INTO meta VALUES ('emptySince', ?)", emptySince);
  return messages;
}

/** The columns of each table in version 1. */
const COLUMNS = {
  segment: "first, last, at, start, bytes, refs, body",
  member: "id, session, user, data, graceUntil",
};

/** Converts a room's tables to version 1, without anything that later versions added. */
export function downgrade(storage: DurableObjectStorage): void {
  const { sql } = storage;
  const kept = Object.entries(COLUMNS).map(
    ([name, columns]) => [name, [...sql.exec(`SELECT ${columns} FROM ${name}`).raw()]] as const,
  );
  const epoch = sql.exec<{ value: string }>("SELECT value FROM meta WHERE name = 'epoch'").one().value;
  for (const name of Object.keys(dump(storage))) sql.exec(`DROP TABLE ${name}`);
  for (const statement of TABLES) sql.exec(statement);
  sql.exec("INSERT INTO meta VALUES ('schema', ?), ('epoch', ?)", 1, epoch);
  for (const [name, rows] of kept) {
    for (const row of rows) sql.exec(`INSERT INTO ${name} VALUES (${row.map(() => "?").join(", ")})`, ...row);
  }
}

/** Everything in a room's tables. */
export function dump({ sql }: DurableObjectStorage): Record<string, unknown[]> {
  const names = sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    )
    .toArray()
    .map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
}
