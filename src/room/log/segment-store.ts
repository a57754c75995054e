/** A stored act: its session, its ref and its offset. */
export type StoredRef = readonly [session: string, ref: number, offset: number];

/** A row of the log: what one flush recorded. */
export interface Segment {
  readonly first: number;
  readonly last: number;
  /** When it was stored, Unix milliseconds. */
  readonly at: number;
  /** Bytes of the log before this row, including removed rows. */
  readonly start: number;
  readonly bytes: number;
  /** Whether some of its frames are for some members only. */
  readonly filtered: boolean;
  /** Its frames as JSON text, joined by `entries.ts`. */
  readonly body: string;
}

/** A row about to be stored, with the refs of its acts. */
export interface NewSegment extends Segment {
  readonly refs: readonly StoredRef[];
}

/** The fields of a row that the retention needs. */
export type Mark = Pick<Segment, "first" | "last" | "at" | "start">;

/** The refs of one row. */
export interface SegmentRefs {
  readonly refs: readonly StoredRef[];
  readonly at: number;
  readonly last: number;
}

/** Stores the rows of a log: in SQLite, or in memory for rooms that store nothing. */
export interface SegmentStore {
  /** The epoch of the stored log; `undefined` if there is no log. */
  readonly epoch: string | undefined;
  /** Ensures that the log exists. Returns its epoch. */
  open(): string;
  /** The newest row. */
  newest(): (Mark & { readonly end: number }) | undefined;
  /** The oldest row that begins at or after an offset. */
  markFrom(offset: number): Mark | undefined;
  /** The row that holds an offset, or the next older one. */
  markAt(offset: number): Mark | undefined;
  /** Whether the row of an offset and all later rows are in memory. */
  isInMemory(offset: number): boolean;
  /** Rows, ascending, from the one that holds an offset. */
  from(offset: number): Iterable<Segment>;
  /** Rows, descending, from the one that holds an offset. */
  downFrom(offset: number): Iterable<Segment>;
  /** The refs of rows, ascending, from the one that holds an offset. */
  refsFrom(offset: number): Iterable<SegmentRefs>;
  /** Runs additions to the log. All of them take effect, or none. */
  transaction<Value>(work: () => Value): Value;
  /** Adds rows. Call it within a transaction. */
  add(segments: readonly NewSegment[]): void;
  /** Removes a few whole rows that end at or before an offset. Call it within a transaction. */
  trim(upTo: number): void;
}
