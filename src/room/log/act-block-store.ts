import { ActBlock, type BlockMark, type RowActs } from "./act-block.ts";
import type { StoredRef } from "./segment-store.ts";
import type { Tables } from "../tables.ts";

/** Stores blocks of acts: in SQLite, or in memory for rooms that store nothing. */
export interface ActBlockStore {
  /** The last offset whose acts are in blocks or forgotten. The log may drop the rows up to here. */
  readonly upTo: number;
  /** Reads the mark of each block, oldest first. */
  load(): ActBlock[];
  /** Creates a block whose acts are only in memory so far. */
  create(mark: BlockMark, rows: readonly RowActs[]): ActBlock;
  /** Stores a block and replaces the blocks that cover the same rows. Call it within a transaction. */
  save(block: ActBlock): void;
  /** Removes the blocks that end at or before an offset. Call it within a transaction. */
  remove(upTo: number): void;
}

/** Blocks in SQLite, one row each. */
export class SqlActBlocks implements ActBlockStore {
  readonly #tables: Tables;
  #upTo: number | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get upTo(): number {
    this.#upTo ??= this.#readUpTo();
    return this.#upTo;
  }

  load(): ActBlock[] {
    if (!this.#tables.exist) return [];
    const rows = this.#tables.sql.exec<MarkRow>(
      "SELECT first, last, before, acts, since, at, digest FROM act_block ORDER BY first",
    );
    return Array.from(rows, (row) => this.#block({ ...row, digest: new Float64Array(row.digest) }));
  }

  create(mark: BlockMark, rows: readonly RowActs[]): ActBlock {
    return this.#block(mark, rows);
  }

  save({ mark, rows }: ActBlock): void {
    const { first, last, before, acts, since, at, digest } = mark;
    const texts = JSON.stringify(rows.map((row) => [row.at, row.refs]));
    this.#tables.sql.exec(
      `INSERT OR REPLACE INTO act_block (first, last, before, acts, since, at, digest, refs)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[first, last, before, acts, since, at, digest.buffer as ArrayBuffer, texts],
    );
    this.#tables.sql.exec("DELETE FROM act_block WHERE first > ? AND first <= ?", first, last);
    this.#upTo = undefined; // The transaction may still fail.
  }

  remove(upTo: number): void {
    this.#tables.sql.exec("DELETE FROM act_block WHERE first <= ? AND last <= ?", upTo, upTo);
    this.#upTo = undefined;
  }

  #block(mark: BlockMark, rows?: readonly RowActs[]): ActBlock {
    return new ActBlock(mark, () => this.#readRows(mark.first), rows);
  }

  #readRows(first: number): RowActs[] {
    const row = this.#tables.sql.exec<{ refs: string }>("SELECT refs FROM act_block WHERE first = ?", first);
    const rows = JSON.parse(row.one().refs) as [at: number, refs: StoredRef[]][];
    return rows.map(([at, refs]) => ({ at, refs }));
  }

  #readUpTo(): number {
    if (!this.#tables.exist) return 0;
    const rows = this.#tables.sql.exec<{ last: number }>(
      "SELECT last FROM act_block ORDER BY first DESC LIMIT 1",
    );
    return rows.toArray()[0]?.last ?? this.#tables.read("floorOffset") ?? 0;
  }
}

/** Blocks of a kind that stores nothing. They live as long as the object, like its log. */
export class MemoryActBlocks implements ActBlockStore {
  /** This store never needs a row of the log. */
  readonly upTo = Infinity;
  readonly #rows = new Map<number, readonly RowActs[]>();

  load(): ActBlock[] {
    return [];
  }

  create(mark: BlockMark, rows: readonly RowActs[]): ActBlock {
    return new ActBlock(mark, () => this.#rows.get(mark.first) ?? [], rows);
  }

  save({ mark, rows }: ActBlock): void {
    for (const first of this.#rows.keys()) {
      if (first >= mark.first && first <= mark.last) this.#rows.delete(first);
    }
    this.#rows.set(mark.first, rows);
  }

  remove(upTo: number): void {
    for (const first of this.#rows.keys()) {
      if (first > upTo) break;
      this.#rows.delete(first);
    }
  }
}

type MarkRow = Omit<BlockMark, "digest"> & { readonly digest: ArrayBuffer } & Record<string, SqlStorageValue>;
