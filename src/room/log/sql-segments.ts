import { randomEpoch } from "../../protocol/ids.ts";
import type { Mark, NewSegment, Segment, SegmentRefs, SegmentStore, StoredRef } from "./segment-store.ts";
import type { Tables } from "../tables.ts";
import { SegmentCache } from "./segment-cache.ts";

/**
 * The maximum number of old rows that one trim removes. Each append adds one or two rows, so the log shrinks when
 * necessary.
 */
const TRIM_ROWS = 4;

const COLUMNS = "first, last, at, start, bytes, filtered, body";

/**
 * The log's rows in SQLite. The newest rows that were written or read stay in memory, so that each row is read once
 * when all members of a room reconnect.
 */
export class SqlSegments implements SegmentStore {
  readonly #tables: Tables;
  #cache = new SegmentCache();
  #epoch: string | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get epoch(): string | undefined {
    this.#epoch ??= this.#tables.read("epoch");
    return this.#epoch;
  }

  open(): string {
    const epoch = this.epoch ?? randomEpoch();
    if (this.#epoch === undefined) {
      this.#tables.storage.transactionSync(() => {
        this.#tables.create();
        this.#tables.write("epoch", epoch);
      });
      this.#epoch = epoch;
    }
    return epoch;
  }

  newest(): (Mark & { readonly end: number }) | undefined {
    const rows = this.#tables.sql.exec<MarkRow & { readonly end: number }>(
      "SELECT first, last, at, start, start + bytes AS end FROM segment ORDER BY first DESC LIMIT 1",
    );
    return rows.toArray()[0];
  }

  markFrom(offset: number): Mark | undefined {
    return this.#mark("first >= ? ORDER BY first LIMIT 1", offset);
  }

  markAt(offset: number): Mark | undefined {
    return this.#mark("first <= ? ORDER BY first DESC LIMIT 1", offset);
  }

  isInMemory(offset: number): boolean {
    return this.#cache.covers(offset);
  }

  from(offset: number): Iterable<Segment> {
    if (!this.#cache.covers(offset) && this.#cache.mayExtend) {
      const [low, high] = [this.markAt(offset)?.first ?? offset, this.#cache.first];
      this.#cache.extend(this.#select("first >= ? AND first < ? ORDER BY first DESC", low, high));
    }
    return this.#cache.covers(offset) ? this.#cache.from(offset) : this.#readFrom(offset);
  }

  *downFrom(offset: number): Iterable<Segment> {
    yield* this.#cache.downFrom(offset);
    const top = Math.min(offset, this.#cache.first - 1);
    yield* this.#select("first <= ? ORDER BY first DESC", top);
  }

  *refsFrom(offset: number): Iterable<SegmentRefs> {
    const rows = this.#tables.sql.exec<{ refs: string; at: number; last: number }>(
      "SELECT refs, at, last FROM segment WHERE first >= ? ORDER BY first",
      this.markAt(offset)?.first ?? offset,
    );
    for (const row of rows) yield { ...row, refs: JSON.parse(row.refs) as StoredRef[] };
  }

  transaction<Value>(work: () => Value): Value {
    try {
      return this.#tables.storage.transactionSync(work);
    } catch (error) {
      this.#cache = new SegmentCache(); // It may hold rows that were rolled back.
      throw error;
    }
  }

  add(segments: readonly NewSegment[]): void {
    for (const segment of segments) {
      const { first, last, at, start, bytes, filtered, body, refs } = segment;
      this.#tables.sql.exec(
        "INSERT INTO segment (first, last, at, start, bytes, filtered, refs, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ...[first, last, at, start, bytes, Number(filtered), JSON.stringify(refs), `[${body}]`],
      );
      this.#cache.add(segment);
    }
  }

  trim(upTo: number): void {
    this.#tables.sql.exec(
      `DELETE FROM segment WHERE first IN
        (SELECT first FROM (SELECT first, last FROM segment ORDER BY first LIMIT ?) WHERE last <= ?)`,
      ...[TRIM_ROWS, upTo],
    );
  }

  *#readFrom(offset: number): Iterable<Segment> {
    yield* this.#select("first >= ? ORDER BY first", this.markAt(offset)?.first ?? offset);
  }

  *#select(where: string, ...bindings: readonly number[]): Generator<Segment> {
    const rows = this.#tables.sql.exec<SegmentRow>(
      `SELECT ${COLUMNS} FROM segment WHERE ${where}`,
      ...bindings.map((value) => Math.min(value, Number.MAX_SAFE_INTEGER)),
    );
    for (const row of rows) yield { ...row, filtered: row.filtered === 1, body: row.body.slice(1, -1) };
  }

  #mark(where: string, offset: number): Mark | undefined {
    const rows = this.#tables.sql.exec<MarkRow>(
      `SELECT first, last, at, start FROM segment WHERE ${where}`,
      offset,
    );
    return rows.toArray()[0];
  }
}

type MarkRow = Mark & Record<string, SqlStorageValue>;

type SegmentRow = Omit<Segment, "filtered"> & { readonly filtered: number } & Record<string, SqlStorageValue>;
