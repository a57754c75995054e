import { randomEpoch } from "../protocol/ids.ts";
import { utf8Length } from "../protocol/json.ts";
import { formatPosition, parsePosition, type UnrecoveredReason } from "../protocol/positions.ts";
import type { MessageFrame } from "../protocol/frames.ts";
import type { HistoryRange } from "./api.ts";
import { Retention, type RetentionLimits } from "./retention.ts";
import { createTables, hasTables, readEpoch } from "./schema.ts";

/** An act that was stored: whose, its ref, and the offset it got. */
export type StoredRef = readonly [session: string, ref: number, offset: number];

/** Part of the log as it is sent: JSON messages joined by commas, and the offset of the last. */
export interface LogPage {
  readonly texts: string;
  readonly last: number;
}

/** What may not be removed yet, whatever the retention: rows after an offset, and rows as young as a time. */
export interface Keep {
  readonly after: number;
  /** Unix milliseconds. */
  readonly since: number;
}

/** Stored messages, ascending, and whether there are more on the side that was cut. */
export interface HistoryPage {
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
}

/** Where a client that joins goes on from. */
export type Resume =
  | { readonly recovered: true; readonly offset: number }
  | { readonly recovered: false; readonly offset: number; readonly reason: UnrecoveredReason };

/** A row stays under 1 MiB: the platform's bound is 2 MB for a row, and rows are sent as they are. */
const MAX_ROW_BYTES = 1_000_000;

/** A replay goes out in frames of about this many characters. */
const PAGE_CHARS = 262_144;

/** A page of history holds about this many characters at the most, and one message at least. */
const HISTORY_CHARS = 1_048_576;

/** The most old rows removed by one append; each append adds one or two, so the log shrinks when it must. */
const TRIM_ROWS = 4;

/**
 * The room's recorded messages, in SQLite: offsets from 1 without a gap, one row per flush.
 *
 * Nothing is read before it is needed, and nothing is written before {@link open}.
 */
export class Log {
  readonly #storage: DurableObjectStorage;
  readonly #retention: Retention;
  #epoch: string | undefined;
  #head = 0;
  /** The offset before the oldest row. */
  #base = 0;
  /** Bytes of all messages ever stored. */
  #end = 0;
  #lastTime = 0;
  #isLoaded = false;

  constructor(storage: DurableObjectStorage, limits: RetentionLimits) {
    this.#storage = storage;
    this.#retention = new Retention(storage.sql, limits);
  }

  /** Sees that the log exists, creating its tables in a room that never had a member. Returns its epoch. */
  open(): string {
    this.#load();
    if (this.#epoch === undefined) {
      const epoch = randomEpoch();
      this.#storage.transactionSync(() => createTables(this.#storage.sql, epoch));
      this.#epoch = epoch;
    }
    return this.#epoch;
  }

  /** Where the log ends; `undefined` in a room that never had a member. */
  get position(): string | undefined {
    this.#load();
    return this.#epoch === undefined ? undefined : formatPosition({ epoch: this.#epoch, offset: this.#head });
  }

  get head(): number {
    this.#load();
    return this.#head;
  }

  /** The time to give to a message stored now, Unix milliseconds: a clock that steps back is not followed. */
  timeAt(now: number): number {
    this.#load();
    this.#lastTime = Math.max(this.#lastTime, now);
    return this.#lastTime;
  }

  /** Judges the position of a client that returns. */
  resume(text: string, now: number): Resume {
    const epoch = this.open();
    const position = parsePosition(text);
    if (position === undefined) return { recovered: false, offset: this.#head, reason: "malformed" };
    if (position.epoch !== epoch) return { recovered: false, offset: this.#head, reason: "epoch" };
    if (position.offset > this.#head) return { recovered: false, offset: this.#head, reason: "ahead" };
    if (position.offset < this.#floor(now))
      return { recovered: false, offset: this.#head, reason: "trimmed" };
    return { recovered: true, offset: position.offset };
  }

  /** The offset from which the newest `count` messages follow, or as many of them as are kept. */
  rewind(count: number, now: number): number {
    return Math.max(this.#floor(now), this.head - count);
  }

  /**
   * Stores messages that have their offsets already, `head + 1` and on, with the refs of their acts. All or nothing:
   * it throws as the storage does, and then nothing has changed.
   */
  append(texts: readonly string[], refs: readonly StoredRef[], at: number, keep: Keep): void {
    this.open();
    const first = this.#head + 1;
    const rows = rowsOf(texts);
    const stored = { head: this.#head + texts.length, end: this.#end + bytesOf(rows) };
    try {
      this.#base = this.#storage.transactionSync(() => {
        this.#insert(first, texts, rows, refs, at);
        return this.#trim(Math.min(this.#retention.floor(stored, at), keep.after), keep.since);
      });
    } catch (error) {
      this.#retention.forget(); // It may have looked at rows that are gone again.
      throw error;
    }
    this.#head = stored.head;
    this.#end = stored.end;
  }

  /** The log after an offset, in pages no larger than a frame should be. The caller has judged the offset. */
  *read(after: number): Generator<LogPage> {
    if (after >= this.head) return;
    const rows = this.#storage.sql.exec<{ first: number; last: number; body: string }>(
      "SELECT first, last, body FROM segment WHERE first >= (SELECT max(first) FROM segment WHERE first <= ?) ORDER BY first",
      after + 1,
    );
    let texts: string[] = [];
    let chars = 0;
    let last = after;
    for (const row of rows) {
      const body = row.first > after ? row.body.slice(1, -1) : cut(row.body, after - row.first + 1);
      if (chars > 0 && chars + body.length > PAGE_CHARS) {
        yield { texts: texts.join(","), last };
        texts = [];
        chars = 0;
      }
      texts.push(body);
      chars += body.length;
      last = row.last;
    }
    if (texts.length > 0) yield { texts: texts.join(","), last };
  }

  /** Reads stored messages that are still kept. A page may hold fewer than asked for. */
  history({ after, before, limit }: HistoryRange, now: number): HistoryPage {
    if (this.head === 0) return { messages: [], more: false };
    const low = Math.max(after ?? 0, this.#floor(now)) + 1;
    const high = Math.min(before ?? Infinity, this.#head + 1) - 1;
    const isForward = after !== undefined;
    const rows = this.#storage.sql.exec<{ body: string }>(
      `SELECT body FROM segment WHERE first <= ? AND
        first >= (SELECT max(first) FROM segment WHERE first <= ?) ORDER BY first ${isForward ? "ASC" : "DESC"}`,
      ...[high, low],
    );
    const messages: MessageFrame[] = [];
    let chars = 0;
    for (const { body } of rows) {
      const row = JSON.parse(body) as MessageFrame[];
      for (const message of isForward ? row : row.toReversed()) {
        const { offset = 0 } = message;
        if (offset < low || offset > high) continue;
        if (messages.length === limit || chars > HISTORY_CHARS) return pageOf(messages, isForward, true);
        messages.push(message);
      }
      chars += body.length;
    }
    return pageOf(messages, isForward, false);
  }

  /** The refs of stored acts, newest row first, with the time and last offset of their row. */
  *refs(): Generator<{ readonly refs: readonly StoredRef[]; readonly at: number; readonly last: number }> {
    this.#load();
    if (this.#epoch === undefined) return;
    const rows = this.#storage.sql.exec<{ refs: string; at: number; last: number }>(
      "SELECT refs, at, last FROM segment ORDER BY first DESC",
    );
    for (const row of rows) yield { refs: JSON.parse(row.refs) as StoredRef[], at: row.at, last: row.last };
  }

  /** The oldest offset that a client may stand at. */
  #floor(now: number): number {
    this.#load();
    return this.#retention.floor({ head: this.#head, end: this.#end }, now);
  }

  #load(): void {
    if (this.#isLoaded) return;
    const { sql } = this.#storage;
    if (hasTables(sql)) {
      this.#epoch = readEpoch(sql);
      const newest = sql.exec<{ last: number; at: number; end: number }>(
        "SELECT last, at, start + bytes AS end FROM segment ORDER BY first DESC LIMIT 1",
      );
      for (const row of newest) {
        this.#end = row.end;
        this.#head = row.last;
        this.#lastTime = row.at;
      }
      this.#base = this.#readBase();
    }
    this.#isLoaded = true;
  }

  #insert(
    first: number,
    texts: readonly string[],
    rows: readonly RowRange[],
    refs: readonly StoredRef[],
    at: number,
  ): void {
    let start = this.#end;
    for (const row of rows) {
      const [from, to] = [first + row.start, first + row.end - 1];
      const rowRefs = refs.filter(([, , offset]) => offset >= from && offset <= to);
      const body = `[${texts.slice(row.start, row.end).join(",")}]`;
      this.#storage.sql.exec(
        "INSERT INTO segment (first, last, at, start, bytes, refs, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ...[from, to, at, start, row.bytes, JSON.stringify(rowRefs), body],
      );
      start += row.bytes;
    }
  }

  /** Removes a few whole rows that end by an offset and are older than a time; returns the offset before the oldest. */
  #trim(upTo: number, before: number): number {
    if (upTo <= this.#base) return this.#base;
    const { sql } = this.#storage;
    const { rowsWritten } = sql.exec(
      `DELETE FROM segment WHERE first IN
        (SELECT first FROM (SELECT first, last, at FROM segment ORDER BY first LIMIT ?) WHERE last <= ? AND at < ?)`,
      ...[TRIM_ROWS, upTo, before],
    );
    return rowsWritten === 0 ? this.#base : this.#readBase();
  }

  #readBase(): number {
    const oldest = this.#storage.sql
      .exec<{ first: number }>("SELECT first FROM segment ORDER BY first LIMIT 1")
      .toArray();
    return oldest[0] === undefined ? this.#head : oldest[0].first - 1;
  }
}

/** The messages of one row, as a range of indexes. */
interface RowRange {
  start: number;
  end: number;
  bytes: number;
}

/** Divides messages into rows that stay under {@link MAX_ROW_BYTES}. */
function rowsOf(texts: readonly string[]): RowRange[] {
  const rows: RowRange[] = [];
  for (const [index, text] of texts.entries()) {
    const bytes = utf8Length(text) + 1;
    const row = rows.at(-1);
    if (row === undefined || row.bytes + bytes > MAX_ROW_BYTES)
      rows.push({ start: index, end: index + 1, bytes });
    else {
      row.end = index + 1;
      row.bytes += bytes;
    }
  }
  return rows;
}

/** A row's messages without its first few, for a client that stands inside the row. */
function cut(body: string, skip: number): string {
  const messages = JSON.parse(body) as unknown[];
  return JSON.stringify(messages.slice(skip)).slice(1, -1);
}

function bytesOf(rows: readonly RowRange[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}

function pageOf(messages: readonly MessageFrame[], isForward: boolean, more: boolean): HistoryPage {
  return { messages: isForward ? messages : messages.toReversed(), more };
}
