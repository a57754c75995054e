import { onTestFinished } from "vitest";
import { inRoom } from "./rooms.ts";

/** Tells what a room has read from its tables since it was asked for the last time, by the name of the table. */
export type RowCounts = () => Promise<Readonly<Record<string, number>>>;

/** Counts the rows that a room reads, until the test is over; no other room may be used meanwhile. */
export async function countRowsRead(room: string): Promise<RowCounts> {
  const prototype = await inRoom(
    room,
    ({ storage }) => Object.getPrototypeOf(storage.sql) as Pick<SqlStorage, "exec">,
  );
  const { exec } = prototype;
  let cursors: {
    readonly table: string;
    readonly cursor: SqlStorageCursor<Record<string, SqlStorageValue>>;
  }[] = [];
  prototype.exec = function (this: SqlStorage, query: string, ...bindings: never[]) {
    const cursor = exec.call(this, query, ...bindings);
    cursors.push({ table: /\b(?:FROM|INTO|UPDATE) (\w+)/.exec(query)?.[1] ?? query, cursor });
    return cursor;
  } as SqlStorage["exec"];
  onTestFinished(() => {
    prototype.exec = exec;
  });
  // In the room, for a cursor that was not read to its end can be asked nowhere else.
  return () =>
    inRoom(room, () => {
      const counts: Record<string, number> = {};
      for (const { table, cursor } of cursors) counts[table] = (counts[table] ?? 0) + cursor.rowsRead;
      cursors = [];
      return counts;
    });
}
