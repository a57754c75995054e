import { defined } from "../../protocol/defined.ts";
import type { Viewer } from "../../protocol/messages.ts";
import { entriesOf, type Entry } from "./entries.ts";
import type { Segment } from "./segment-store.ts";

/** A page of stored messages. */
export interface HistoryPage {
  /** Messages, JSON text, ascending. */
  readonly texts: readonly string[];
  /**
   * Where the next page begins: its `after`, or its `before` if the newest messages were requested. Absent at the end
   * of the range.
   */
  readonly next?: number | undefined;
  /** The cost of scanning the log for this page, in characters ({@link costOf}). */
  readonly cost: number;
}

/** The part of the log to read. Both offsets are inclusive. */
export interface HistorySpan {
  readonly low: number;
  readonly high: number;
  readonly limit: number;
  /** Whether the page starts with the oldest messages and reads rows in ascending order. */
  readonly isForward: boolean;
}

/** The maximum scan without a result, in characters ({@link costOf}): about one millisecond of the room's time. */
export const SCAN_CHARS = 1_048_576;

/** The approximate size of a page of history, in characters. A page holds at least one message. */
const PAGE_CHARS = 262_144;

/** Parsing and rewriting one character of a page, for POST or in binary, takes as long as skipping this many. */
export const PARSE_PRICE = 16;

/** Reading the addressees of a frame takes as long as skipping this many characters, at 0.3-1 ns each. */
const FRAME_CHARS = 256;

/** Fetching a row from SQLite takes as long as skipping this many characters. */
const ROW_CHARS = 2_048;

/** The cost of scanning a row, in characters. */
export function costOf({ first, last, body }: Segment, isInMemory: boolean): number {
  return body.length + FRAME_CHARS * (last - first + 1) + fetchCostOf(isInMemory);
}

/** The cost of fetching a row, in characters. */
export function fetchCostOf(isInMemory: boolean): number {
  return isInMemory ? 0 : ROW_CHARS;
}

/**
 * Reads a page of messages that a reader may see, without parsing them. The page ends after {@link SCAN_CHARS} without
 * a result, even if it is not full, because skipping messages for others has a cost.
 *
 * @param rows rows in the order of the span, from the one that holds its first offset
 * @param isInMemory whether the row at an offset is in memory, so that it need not be fetched
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
    return defined({ texts, cost, next });
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

/** The number of characters in a page. */
export function charsOf({ texts }: HistoryPage): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

/** The reply to a `history` frame, with messages as they are stored. */
export interface HistoryReply {
  readonly type: "history";
  readonly ref?: number;
  readonly page: HistoryPage;
}

/** Encodes the reply as a frame, JSON text. */
export function encodeHistory({ ref, page }: HistoryReply): string {
  const named = ref === undefined ? "" : `"ref":${ref},`;
  return `{"type":"history",${named}${pageFields(page)}}`;
}

/** Encodes a page as fields of an object: the messages, and where the next page begins if there is one. */
export function pageFields({ texts, next }: HistoryPage): string {
  const more = next === undefined ? '"more":false' : `"more":true,"next":${next}`;
  return `"messages":[${texts.join(",")}],${more}`;
}
