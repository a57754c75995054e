import { ActBlock, type BlockMark, type RowActs } from "./act-block.ts";
import type { StoredRef } from "./segment-store.ts";
import type { Tables } from "../tables.ts";

/** The store of blocks of acts: SQLite, or memory for rooms that store nothing. */
export interface ActBlockStore {
  /** Acts up to this offset are in blocks, or forgotten: the log need not keep their rows for them. */
  readonly upTo: number;
  /** Reads what is known of each block, oldest first. */
  load(): ActBlock[];
  /** Makes a block whose acts are only in memory so far. */
  create(mark: BlockMark, rows: readonly RowActs[]): ActBlock;
  /** Stores a block, in place of those that cover the same rows; within a transaction. */
  save(block: ActBlock): void;
  /** Removes the blocks that end at or before an offset; within a transaction. */
  remove(upTo: number): void;
}

/** Blocks in SQLite, a row each. */
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
    this.#upTo = undefined; // The transaction may yet fail.
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

/** Blocks of a kind that stores nothing. They live as long as the object, as its log does. */
export class MemoryActBlocks implements ActBlockStore {
  /** The log need not keep any row for them. */
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
