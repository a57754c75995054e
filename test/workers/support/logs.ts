import type { MessageFrame } from "../../../src/protocol/frames.ts";
import type { Viewer } from "../../../src/protocol/messages.ts";
import { SqlActBlocks } from "../../../src/room/log/act-block-store.ts";
import type { HistoryRange } from "../../../src/room/api.ts";
import { pageFields } from "../../../src/room/log/history-pages.ts";
import { SqlRefFloors } from "../../../src/room/log/ref-floors.ts";
import { Log } from "../../../src/room/log/log.ts";
import { Deduplication } from "../../../src/room/log/deduplication.ts";
import type { RetentionLimits } from "../../../src/room/log/retention.ts";
import type { StoredRef } from "../../../src/room/log/segment-store.ts";
import { SqlSegments } from "../../../src/room/log/sql-segments.ts";
import { Tables } from "../../../src/room/tables.ts";
import { retentionOf } from "./retention.ts";
import { inRoom, uniqueRoom } from "./rooms.ts";
import { viewerOf } from "../../support/viewer.ts";

/** The time at which tests store something, Unix milliseconds. */
export const NOW = 1_800_000_000_000;

/** A log and its deduplication after a load of the room, with nothing of an earlier life in memory. */
export interface LoadedLog {
  readonly log: Log;
  readonly deduplication: Deduplication;
  readonly tables: Tables;
}

/** Loads the log from a storage, in a room in which some sessions are members. */
export function loadLog(
  storage: DurableObjectStorage,
  limits: RetentionLimits = retentionOf(1_000_000),
  present: ReadonlySet<string> = new Set(),
): LoadedLog {
  const tables = new Tables(storage);
  const log = new Log(new SqlSegments(tables), limits);
  const refFloors = new SqlRefFloors(tables, () => present);
  return { log, deduplication: new Deduplication(log, new SqlActBlocks(tables), refFloors), tables };
}

/** Runs code on a new log, in an unused room. */
export function withLog<Value>(
  limits: RetentionLimits,
  work: (log: Log, storage: DurableObjectStorage) => Value,
): Promise<Awaited<Value>> {
  return inRoom(uniqueRoom(), ({ storage }) => work(loadLog(storage, limits).log, storage));
}

/** Options of a flush that a test stores. */
interface FlushOptions {
  readonly refs?: readonly StoredRef[];
  readonly at?: number;
  /** Rows after this offset stay. @default no row must stay, so only the retention decides */
  readonly keepAfter?: number;
}

/** Stores frames for everyone as one flush, without acts. */
export function store(
  log: Log,
  texts: readonly string[],
  { refs = [], at = NOW, keepAfter = Infinity }: FlushOptions = {},
): void {
  const entries = texts.map((text) => ({ text, filtered: false }));
  log.append(entries, refs, at, keepAfter, () => undefined);
}

/** Stores small messages in rows with these numbers of messages. */
export function storeRows(log: Log, sizes: readonly number[], options: FlushOptions = {}): void {
  for (const size of sizes) {
    const offsets = range(log.head + 1, log.head + size);
    store(
      log,
      offsets.map((offset) => `{"type":"message","offset":${offset}}`),
      options,
    );
  }
}

/** The offsets that are read after an offset, page by page, to the end of the log. */
export function offsetsAfter(log: Log, after: number, maxChars = 65_536): number[] {
  return pagesAfter(log, after, maxChars).flatMap(({ offsets }) => offsets);
}

/** A page of a log. */
interface ReadPage {
  /** Its frames as they were stored. */
  readonly texts: readonly string[];
  readonly offsets: readonly number[];
  readonly last: number;
  readonly chars: number;
}

/** A page of history as clients receive it. */
export interface ReadHistory {
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
}

/** A page of history, parsed. */
export function historyOf(log: Log, range: HistoryRange, now: number, viewer?: Viewer): ReadHistory {
  const { next: _next, ...page } = JSON.parse(
    `{${pageFields(log.history(range, now, viewer))}}`,
  ) as ReadHistory & {
    readonly next?: number;
  };
  return page;
}

/** The pages that are read after an offset. Each page starts where the previous one ended. */
export function pagesAfter(log: Log, after: number, maxChars: number, member?: string): ReadPage[] {
  const pages: ReadPage[] = [];
  for (let from = after; from < log.head;) {
    const page = log.page(from, maxChars, viewerOf(member));
    if (page === undefined || page.last <= from) throw new Error(`nothing comes after ${from}`);
    const frames = JSON.parse(`[${page.texts}]`) as { offset: number }[];
    pages.push({
      texts: frames.map((frame) => JSON.stringify(frame)),
      offsets: frames.map(({ offset }) => offset),
      last: page.last,
      chars: page.texts.length,
    });
    from = page.last;
  }
  return pages;
}

/** The rows of a log. */
export function rowsIn(storage: DurableObjectStorage): { first: number; last: number }[] {
  return storage.sql
    .exec<{ first: number; last: number }>("SELECT first, last FROM segment ORDER BY first")
    .toArray();
}

/** The whole numbers from one number to another. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
