import {
  RetiredRefFloors,
  type RetiredChunk,
  type RetiredChunks,
  type SessionFloor,
} from "./retired-ref-floors.ts";
import type { Tables } from "../tables.ts";

/**
 * The room keeps a session's minimum ref while the session is a member. It also keeps it until the log has grown by at
 * least this many offsets since the minimum ref was raised.
 */
export const REF_FLOOR_KEPT_OFFSETS = 100_000;

/**
 * The number of rows searched for old ones each time minimum refs are raised: two for each row that may have been
 * added. So the table never has many more than twice the rows that must be kept.
 */
const SEARCHED = { perFloor: 2, more: 16 };

/**
 * Stores the minimum ref of each session whose acts were forgotten: the highest forgotten ref. A ref at or below it may
 * have taken effect, so it is rejected.
 *
 * The number of rows is bounded. A session that has left the room and has not acted for a long time ({@link
 * REF_FLOOR_KEPT_OFFSETS}) then shares a minimum ref with other sessions. The shared value is at least its own ({@link
 * RetiredRefFloors}). So none of its acts can be stored again, but a ref that it never used may be rejected.
 */
export interface RefFloors {
  /** The minimum ref of a session; 0 if it has none. */
  of(session: string): number;
  /** Raises minimum refs. Call it within a transaction. */
  raise(refs: ReadonlyMap<string, number>, progress: Progress): void;
}

/** How far acts are forgotten, and where the log ends. */
export interface Progress {
  /** Acts up to this offset are forgotten. */
  readonly upTo: number;
  readonly head: number;
}

/** Returns the sessions that are members of the room. They may continue with their refs. */
type Present = () => ReadonlySet<string>;

/** Minimum refs in SQLite. A row is read when its session acts, because a room may have had any number of sessions. */
export class SqlRefFloors implements RefFloors {
  readonly #tables: Tables;
  readonly #present: Present;
  readonly #retired: RetiredRefFloors;

  constructor(tables: Tables, present: Present) {
    this.#tables = tables;
    this.#present = present;
    this.#retired = new RetiredRefFloors(chunksIn(tables));
  }

  of(session: string): number {
    if (!this.#tables.exist) return 0;
    const rows = this.#tables.sql.exec<{ ref: number }>("SELECT ref FROM floor WHERE session = ?", session);
    return rows.toArray()[0]?.ref ?? this.#retired.of(session);
  }

  raise(refs: ReadonlyMap<string, number>, { upTo, head }: Progress): void {
    for (const [session, ref] of refs) {
      this.#tables.sql.exec(
        `INSERT INTO floor (session, ref, head) VALUES (?, ?, ?)
          ON CONFLICT DO UPDATE SET ref = max(ref, excluded.ref), head = excluded.head`,
        ...[session, ref, head],
      );
    }
    this.#retire(SEARCHED.more + refs.size * SEARCHED.perFloor, upTo - REF_FLOOR_KEPT_OFFSETS);
  }

  /** Continues the search for minimum refs that have not been raised since the log ended at the horizon. */
  #retire(looks: number, horizon: number): void {
    if (horizon <= 0) return;
    const leastHead = this.#tables.read("migratedHead") ?? 0; // Version 3 did not store when a minimum ref was raised.
    const rows = this.#tables.sql
      .exec<FloorRow>(
        "SELECT session, ref, max(head, ?) AS head FROM floor WHERE session > ? ORDER BY session LIMIT ?",
        ...[leastHead, this.#tables.read("floorCursor") ?? "", looks],
      )
      .toArray();
    const isAtEnd = rows.length < looks;
    this.#tables.write("floorCursor", isAtEnd ? "" : (rows.at(-1)?.session ?? ""));
    const present = this.#present();
    const old = rows.filter(({ session, head }) => head <= horizon && !present.has(session));
    this.#retired.add(old);
    for (const { session } of old) this.#tables.sql.exec("DELETE FROM floor WHERE session = ?", session);
  }
}

/** Minimum refs of a kind that stores nothing. They live as long as the object, like its log. */
export class MemoryRefFloors implements RefFloors {
  readonly #present: Present;
  /** In the order in which they were raised. */
  readonly #floors = new Map<string, MinimumRef>();
  readonly #retired = new RetiredRefFloors(chunksInMemory());

  constructor(present: Present) {
    this.#present = present;
  }

  of(session: string): number {
    return this.#floors.get(session)?.ref ?? this.#retired.of(session);
  }

  raise(refs: ReadonlyMap<string, number>, { upTo, head }: Progress): void {
    for (const [session, ref] of refs)
      this.#put(session, Math.max(ref, this.#floors.get(session)?.ref ?? 0), head);
    const present = this.#present();
    const old: FloorRow[] = [];
    for (const [session, minimum] of this.#floors) {
      if (minimum.head > upTo - REF_FLOOR_KEPT_OFFSETS) break;
      if (present.has(session)) this.#put(session, minimum.ref, head);
      else old.push({ session, ...minimum });
    }
    this.#retired.add(old);
    for (const { session } of old) this.#floors.delete(session);
  }

  #put(session: string, ref: number, head: number): void {
    this.#floors.delete(session);
    this.#floors.set(session, { ref, head });
  }
}

/**
 * A minimum ref, and where the log ended when it was raised. Later acts of the session have higher refs. So a minimum
 * ref may be retired once everything recorded before it is forgotten. No later minimum ref of the session can be lower.
 */
interface MinimumRef {
  readonly ref: number;
  readonly head: number;
}

type FloorRow = SessionFloor & MinimumRef & Record<string, SqlStorageValue>;

function chunksIn({ sql }: Tables): RetiredChunks {
  return {
    read: (index) => {
      const rows = sql.exec<{ ref: number; bits: ArrayBuffer }>(
        "SELECT ref, bits FROM retired WHERE chunk = ?",
        index,
      );
      const row = rows.toArray()[0];
      return row && { ref: row.ref, bits: new Uint8Array(row.bits) };
    },
    write: (index, { ref, bits }) => {
      sql.exec("INSERT OR REPLACE INTO retired VALUES (?, ?, ?)", index, ref, bits.buffer as ArrayBuffer);
    },
  };
}

function chunksInMemory(): RetiredChunks {
  const chunks = new Map<number, RetiredChunk>();
  return { read: (index) => chunks.get(index), write: (index, chunk) => void chunks.set(index, chunk) };
}
