import type { Viewer } from "../../protocol/messages.ts";
import { entriesOf, type Entry } from "./entries.ts";
import type { Segment } from "./segment-store.ts";

/** A page of stored messages. */
export interface HistoryPage {
  /** Messages, JSON text, ascending. */
  readonly texts: readonly string[];
  /**
   * Where the next page begins: its `after`, or its `before` if the newest messages were requested. Absent at the end of
   * the range.
   */
  readonly next?: number | undefined;
  /** How much of the log was looked at for it, in characters ({@link costOf}). */
  readonly cost: number;
}

/** Which part of the log to read: offsets, both inclusive. */
export interface HistorySpan {
  readonly low: number;
  readonly high: number;
  readonly limit: number;
  /** Whether the first messages are wanted, and rows come ascending. */
  readonly isForward: boolean;
}

/** How much of the log a page may look at without a result, in characters ({@link costOf}): a millisecond of the room. */
export const SCAN_CHARS = 1_048_576;

/** A page of history holds about this many characters at the most, and one message at least. */
const PAGE_CHARS = 262_144;

/** Parsing a character of a page and writing it again, for POST or in binary, takes as long as skipping this many. */
export const PARSE_PRICE = 16;

/** Reading the addressees of a frame takes as long as skipping this many characters, at 0.3-1 ns each. */
const FRAME_CHARS = 256;

/** Fetching a row from SQLite takes as long as skipping this many. */
const ROW_CHARS = 2_048;

/** What it costs to look at a row, in characters. */
export function costOf({ first, last, body }: Segment, isInMemory: boolean): number {
  return body.length + FRAME_CHARS * (last - first + 1) + fetchCostOf(isInMemory);
}

/** What it costs to get a row, in characters. */
export function fetchCostOf(isInMemory: boolean): number {
  return isInMemory ? 0 : ROW_CHARS;
}

/**
 * Reads a page of messages that a reader may see. Nothing is parsed. The page ends once {@link SCAN_CHARS} were looked at
 * without a result, however little was found, because skipping messages for others is not free.
 *
 * @param rows rows in the order of the span, from the one that holds its first offset
 * @param isInMemory whether the row of an offset need not be fetched
 */
export function readHistory(
  rows: Iterable<Segment>,
  span: HistorySpan,
  viewer: Viewer,
  isInMemory: (offset: number) => boolean,
): HistoryPage {
  const { low, high, limit, isForward } = span;
  const found: Entry[] = [];
  let [chars, cost, inVain] = [0, 0, 0];
  const page = (next?: number): HistoryPage => {
    const texts = (isForward ? found : found.toReversed()).map(({ text }) => text);
    return { texts, cost, ...(next !== undefined && { next }) };
  };
  for (const row of rows) {
    if (row.first > high || row.last < low) break;
    if (inVain >= SCAN_CHARS) return page(isForward ? row.first - 1 : row.last + 1);
    const price = costOf(row, isInMemory(row.first));
    cost += price;
    inVain += price;
    const entries = entriesOf(row, low - 1, viewer, "message").filter(({ offset }) => offset <= high);
    for (const entry of isForward ? entries : entries.toReversed()) {
      const isFull = found.length === limit || (found.length > 0 && chars + entry.text.length > PAGE_CHARS);
      if (isFull) return page(isForward ? entry.offset - 1 : entry.offset + 1);
      found.push(entry);
      chars += entry.text.length;
      inVain = Math.max(0, inVain - entry.text.length - FRAME_CHARS - ROW_CHARS);
    }
  }
  return page();
}

/** How many characters a page holds. */
export function charsOf({ texts }: HistoryPage): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

/** The answer to a request for history, its messages as they are stored. */
export interface HistoryReply {
  readonly type: "history";
  readonly ref?: number;
  readonly page: HistoryPage;
}

/** Writes the answer as a frame, JSON text. */
export function encodeHistory({ ref, page }: HistoryReply): string {
  const named = ref === undefined ? "" : `"ref":${ref},`;
  return `{"type":"history",${named}${pageFields(page)}}`;
}

/** Writes a page as fields of an object: messages, and whether and where others may follow. */
export function pageFields({ texts, next }: HistoryPage): string {
  const more = next === undefined ? '"more":false' : `"more":true,"next":${next}`;
  return `"messages":[${texts.join(",")}],${more}`;
}
