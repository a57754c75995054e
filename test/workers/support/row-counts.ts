import { onTestFinished } from "vitest";
import { inRoom } from "./rooms.ts";

/** Returns how many rows a room has read since the last call, by table. */
export type RowCounts = () => Promise<Readonly<Record<string, number>>>;

/** Counts the rows that a room reads, until the end of the test. No other room may be used meanwhile. */
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
  // This must run in the room, because a cursor that was not read to its end can be used only there.
  return () =>
    inRoom(room, () => {
      const counts: Record<string, number> = {};
      for (const { table, cursor } of cursors) counts[table] = (counts[table] ?? 0) + cursor.rowsRead;
      cursors = [];
      return counts;
    });
}
