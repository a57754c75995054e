/** An act that was stored: whose, its ref, and the offset it got. */
export type StoredRef = readonly [session: string, ref: number, offset: number];

/** A row of the log: what one flush recorded. */
export interface Segment {
  readonly first: number;
  readonly last: number;
  /** When it was stored, Unix milliseconds. */
  readonly at: number;
  /** Bytes of the log before this row, removed ones included. */
  readonly start: number;
  readonly bytes: number;
  /** Whether some of it is not for everyone. */
  readonly filtered: boolean;
  /** Its frames, JSON text, as `entries.ts` joins them. */
  readonly body: string;
}

/** A row about to be stored, with the refs of its acts. */
export interface NewSegment extends Segment {
  readonly refs: readonly StoredRef[];
}

/** What the retention must know of a row. */
export type Mark = Pick<Segment, "first" | "last" | "at" | "start">;

/** The refs of one row. */
export interface SegmentRefs {
  readonly refs: readonly StoredRef[];
  readonly at: number;
  readonly last: number;
}

/** Where the rows of a log are: in SQLite, or in memory for rooms that store nothing. */
export interface SegmentStore {
  /** The epoch of what is there; `undefined` for nothing. */
  readonly epoch: string | undefined;
  /** Sees that there is a log; returns its epoch. */
  open(): string;
  /** The newest row. */
  newest(): (Mark & { readonly end: number }) | undefined;
  /** The oldest row that begins at an offset or later. */
  markFrom(offset: number): Mark | undefined;
  /** The row that holds an offset, or the next older one. */
  markAt(offset: number): Mark | undefined;
  /** Whether the row of an offset, and all that follow, are in memory already. */
  isInMemory(offset: number): boolean;
  /** Rows, ascending, from the one that holds an offset. */
  from(offset: number): Iterable<Segment>;
  /** Rows, descending, from the one that holds an offset. */
  downFrom(offset: number): Iterable<Segment>;
  /** The refs of rows, ascending, from the one that holds an offset. */
  refsFrom(offset: number): Iterable<SegmentRefs>;
  /** Runs what adds to the log: all of it takes effect, or none. */
  transaction<Value>(work: () => Value): Value;
  /** Adds rows; within a transaction. */
  add(segments: readonly NewSegment[]): void;
  /** Removes a few whole rows that end by an offset; within a transaction. */
  trim(upTo: number): void;
}
