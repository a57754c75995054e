import { utf8Length } from "../../protocol/json.ts";
import { ANYONE, type Viewer } from "../../protocol/messages.ts";
import { formatPosition, parsePosition, type UnrecoveredReason } from "../../protocol/positions.ts";
import type { HistoryRange } from "../api.ts";
import { entriesOf, joinEntries } from "./entries.ts";
import { costOf, fetchCostOf, readHistory, SCAN_CHARS, type HistoryPage } from "./history-pages.ts";
import { Retention, type RetentionLimits } from "./retention.ts";
import type { NewSegment, Segment, SegmentRefs, SegmentStore, StoredRef } from "./segment-store.ts";

/** A recorded frame with its assigned offset. */
export interface NewEntry {
  readonly text: string;
  /** Whether it is addressed to some members only. */
  readonly filtered: boolean;
}

/** A part of the log as it is sent: the items of a JSON array, and the offset that the reader reaches with it. */
export interface LogPage {
  /** "" if all of it is addressed to others. */
  readonly texts: string;
  readonly last: number;
  /** The cost of reading this part, in characters. Rows sent unchanged cost only their fetch. */
  readonly cost: number;
}

/** The position from which a joining client continues. */
export type Resume =
  | { readonly recovered: true; readonly offset: number }
  | { readonly recovered: false; readonly offset: number; readonly reason: UnrecoveredReason };

/** A row stays under 1 MB. The platform limits a row to 2 MB, and rows are sent unchanged. */
const MAX_ROW_BYTES = 1_000_000;

/**
 * The messages that the room recorded. Offsets start at 1 and have no gaps. Each flush is one row.
 *
 * Nothing is read before it is needed, and nothing is written before {@link open}.
 */
export class Log {
  readonly #store: SegmentStore;
  readonly #retention: Retention;
  #head = 0;
  /** The offset just before the oldest row. */
  #base = 0;
  /** Bytes of all messages ever stored. */
  #end = 0;
  #lastTime = 0;
  #isLoaded = false;

  constructor(store: SegmentStore, limits: RetentionLimits) {
    this.#store = store;
    this.#retention = new Retention(store, limits);
  }

  /** Ensures that the log exists. It creates the tables in a room that never had a member. Returns the epoch. */
  open(): string {
    this.#load();
    return this.#store.open();
  }

  /** The position at the end of the log; `undefined` in a room that never had a member. */
  get position(): string | undefined {
    this.#load();
    const { epoch } = this.#store;
    return epoch === undefined ? undefined : formatPosition({ epoch, offset: this.#head });
  }

  get head(): number {
    this.#load();
    return this.#head;
  }

  /** A position in this log. */
  positionAt(offset: number): string {
    return formatPosition({ epoch: this.open(), offset });
  }

  /** The time for a message stored now, Unix milliseconds. It never decreases, even if the clock is set back. */
  timeAt(now: number): number {
    this.#load();
    this.#lastTime = Math.max(this.#lastTime, now);
    return this.#lastTime;
  }

  /** Decides from where a reconnecting client can resume. */
  resume(text: string, now: number): Resume {
    const epoch = this.open();
    const offset = this.#head;
    const position = parsePosition(text);
    if (position === undefined) return { recovered: false, offset, reason: "malformed" };
    if (position.epoch !== epoch) return { recovered: false, offset, reason: "epoch" };
    if (position.offset > this.#head) return { recovered: false, offset, reason: "ahead" };
    if (position.offset < this.floor(now)) return { recovered: false, offset, reason: "trimmed" };
    return { recovered: true, offset: position.offset };
  }

  /** The offset after which the newest `count` messages follow, or fewer if the log keeps fewer. */
  rewind(count: number, now: number): number {
    return Math.max(this.floor(now), this.head - count);
  }

  /** The oldest offset from which a client can still resume. */
  floor(now: number): number {
    this.#load();
    return this.#retention.floor({ head: this.#head, end: this.#end }, now);
  }

  /**
   * Stores frames that already have offsets, from `head + 1` on, with the refs of their acts. If the storage throws,
   * this throws the same error and nothing has changed.
   *
   * @param keepAfter rows after this offset stay, whatever the retention
   * @param also writes that must succeed or fail together with the frames
   */
  append(
    entries: readonly NewEntry[],
    refs: readonly StoredRef[],
    at: number,
    keepAfter: number,
    also: () => void,
  ): void {
    this.open();
    const segments = segmentsOf(entries, refs, { first: this.#head + 1, start: this.#end, at });
    const stored = { head: this.#head + entries.length, end: endOf(segments, this.#end) };
    try {
      this.#base = this.#store.transaction(() => {
        this.#store.add(segments);
        also();
        const upTo = Math.min(this.#retention.floor(stored, at), keepAfter);
        if (upTo <= this.#base) return this.#base;
        this.#store.trim(upTo);
        return (this.#store.markFrom(0)?.first ?? stored.head + 1) - 1;
      });
    } catch (error) {
      this.#retention.forget(); // It may have seen rows that were rolled back.
      throw error;
    }
    this.#head = stored.head;
    this.#end = stored.end;
  }

  /**
   * The log after an offset as one member may see it, about `maxChars` of it. It contains at least one frame, unless no
   * scanned frame is for this member. The caller has checked the offset. Returns `undefined` at the end of the log.
   */
  page(after: number, maxChars: number, viewer: Viewer): LogPage | undefined {
    if (after >= this.head) return undefined;
    const texts: string[] = [];
    let [chars, cost, last] = [0, 0, after];
    const fits = (text: string): boolean => chars === 0 || chars + text.length <= maxChars;
    const add = (text: string): void => {
      texts.push(text);
      chars += text.length + 1;
    };
    const page = (upTo: number): LogPage => ({ texts: texts.join(","), last: upTo, cost });
    for (const segment of this.#store.from(after + 1)) {
      if (cost >= SCAN_CHARS) break;
      const isInMemory = this.#store.isInMemory(segment.first);
      if (segment.first > after && !segment.filtered && viewer.seesState && segment.body.length <= maxChars) {
        if (!fits(segment.body)) break;
        add(segment.body);
        cost += fetchCostOf(isInMemory);
        last = segment.last;
        continue;
      }
      cost += costOf(segment, isInMemory);
      for (const { text, offset } of entriesOf(segment, after, viewer)) {
        if (!fits(text)) return page(offset - 1);
        add(text);
      }
      last = segment.last;
    }
    return page(last);
  }

  /** Reads retained messages that a reader may see. A page may hold fewer messages than requested. */
  history(range: HistoryRange, now: number, viewer: Viewer = ANYONE): HistoryPage {
    if (this.head === 0) return { texts: [], cost: 0 };
    const { after, before, since, until, limit } = range;
    const low = Math.max(after ?? 0, this.floor(now), since === undefined ? 0 : this.#offsetAt(since)) + 1;
    const high =
      Math.min(
        before ?? Infinity,
        until === undefined ? Infinity : this.#offsetAt(until) + 1,
        this.#head + 1,
      ) - 1;
    const isForward = after !== undefined || since !== undefined;
    const rows = isForward ? this.#store.from(low) : this.#store.downFrom(high);
    const isInMemory = (offset: number): boolean => this.#store.isInMemory(offset);
    return readHistory(rows, { low, high, limit, isForward }, viewer, isInMemory);
  }

  /** The refs of stored acts, oldest row first, from the row that holds the offset after this one. */
  refsAfter(offset: number): Iterable<SegmentRefs> {
    this.#load();
    return this.#head <= offset ? [] : this.#store.refsFrom(offset + 1);
  }

  /** The last offset that was stored before a time. Rows are ordered by time. */
  #offsetAt(time: number): number {
    let [low, high] = [this.#base, this.#head];
    while (low < high) {
      const mark = this.#store.markAt(Math.ceil((low + high) / 2));
      if (mark === undefined) return low;
      if (mark.at < time) low = mark.last;
      else high = mark.first - 1;
    }
    return low;
  }

  #load(): void {
    if (this.#isLoaded) return;
    if (this.#store.epoch !== undefined) {
      const newest = this.#store.newest();
      if (newest !== undefined) {
        this.#end = newest.end;
        this.#head = newest.last;
        this.#lastTime = newest.at;
      }
      this.#base = (this.#store.markFrom(0)?.first ?? this.#head + 1) - 1;
    }
    this.#isLoaded = true;
  }
}

/** Splits frames into rows that stay under {@link MAX_ROW_BYTES}. */
function segmentsOf(
  entries: readonly NewEntry[],
  refs: readonly StoredRef[],
  { first, start, at }: Pick<Segment, "first" | "start" | "at">,
): NewSegment[] {
  const sizes = entries.map(({ text }) => utf8Length(text) + 1);
  const segments: NewSegment[] = [];
  for (let from = 0, begin = start; from < entries.length;) {
    let to = from;
    let bytes = 0;
    do bytes += sizes[to++] ?? 0;
    while (to < entries.length && bytes + (sizes[to] ?? 0) <= MAX_ROW_BYTES);
    const row = entries.slice(from, to);
    const [low, high] = [first + from, first + to - 1];
    segments.push({
      first: low,
      last: high,
      at,
      start: begin,
      bytes,
      filtered: row.some(({ filtered }) => filtered),
      body: joinEntries(row.map(({ text }) => text)),
      refs: refs.filter(([, , offset]) => offset >= low && offset <= high),
    });
    from = to;
    begin += bytes;
  }
  return segments;
}

function endOf(segments: readonly Segment[], end: number): number {
  const last = segments.at(-1);
  return last === undefined ? end : last.start + last.bytes;
}
