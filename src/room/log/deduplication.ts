import { markOf, type ActBlock } from "./act-block.ts";
import type { ActBlockStore } from "./act-block-store.ts";
import type { RefFloors } from "./ref-floors.ts";
import { hashOf } from "./hash.ts";
import type { Log } from "./log.ts";
import { RecentActs } from "./recent-acts.ts";
import type { SegmentRefs, StoredRef } from "./segment-store.ts";

/** An act is remembered at least this long, in milliseconds. */
export const DEDUPLICATION_WINDOW_MS = 600_000;

/** This many of the newest acts are remembered, however old. */
export const DEDUPLICATION_WINDOW_ACTS = 10_000;

/** No more are remembered, however young. */
export const DEDUPLICATION_MAX_ACTS = 100_000;

/**
 * A block is cut when this many rows of the log, or acts, are in none. A room that wakes reads all that are in none. So it
 * reads 50 rows on average, and blocks add 1 % to the rows written where each message is a row.
 */
export const BLOCK = { rows: 100, acts: 2_000 };

/**
 * The newest blocks that hold fewer acts each are joined when they hold this many together. So there are about 20 blocks
 * for 10,000 acts of one row each, and 110 for 100,000. It adds 0.1 % to the rows written there.
 */
const JOINED_ACTS = 1_000;

/** Minimum refs are stored when this many acts were forgotten: a row for each session that made them. */
const REF_FLOOR_BATCH = 1_000;

/** The highest refs of this many sessions are kept in memory. */
const CACHED_SESSIONS = 10_000;

/** What is known of an act: the offset it got, that it is too old to tell, or nothing. */
export type Known =
  | { readonly is: "done"; readonly offset: number }
  | { readonly is: "stale" }
  | { readonly is: "new" };

/**
 * Deduplicates acts: knows which have taken effect, so that a repeat gets its first answer and nothing happens twice.
 *
 * It remembers a set of refs, not only the highest: a rate-limited ref is retried later, and POSTs overtake each other.
 * Of acts that have left the window it remembers the highest ref of each session. A ref that is not above it is rejected.
 *
 * The refs of an act are stored in the log's row. Rows are compacted into blocks, whose digests tell which of them a
 * lookup must read. Most lookups read none, because a new act has the highest ref of its session. So a room that wakes
 * reads the digests and the few rows that are in no block, whatever the length of its history.
 */
export class Deduplication {
  readonly #log: Log;
  readonly #store: ActBlockStore;
  readonly #refFloors: RefFloors;
  /** Oldest first. Those up to `#edge` are forgotten and wait for their floors to be stored. */
  #blocks: ActBlock[] = [];
  /** Blocks that are not stored yet; their rows are still in the log. */
  #unsaved: ActBlock[] = [];
  #recent = new RecentActs();
  /** How many acts are forgotten, counted as the blocks count them. */
  #edge = 0;
  readonly #highest = new Map<string, number>();
  #isLoaded = false;

  constructor(log: Log, store: ActBlockStore, refFloors: RefFloors) {
    this.#log = log;
    this.#store = store;
    this.#refFloors = refFloors;
  }

  /** Whether an act has taken effect. */
  find(session: string, ref: number, now: number): Known {
    this.#load();
    const offset = this.#recent.find(session, ref);
    if (offset !== undefined) return { is: "done", offset };
    if (ref > this.#highestOf(session)) return { is: "new" };
    this.#forget(now);
    return this.#lookUp(session, ref);
  }

  /** Remembers the acts of a row that was just stored. */
  remember(refs: readonly StoredRef[], now: number): void {
    if (!this.#isLoaded) return; // The log has them, and is read before anything is looked up.
    this.#add({ refs, at: this.#log.timeAt(now), last: this.#log.head });
    for (const [session, ref] of refs) {
      if (ref > (this.#highest.get(session) ?? Infinity)) this.#highest.set(session, ref);
    }
  }

  /** The offset after which rows hold acts that are in no stored block: they must stay. */
  get keepAfter(): number {
    // Here and not within the append, whose rows would be read with the others.
    if (this.#log.head - this.#store.upTo >= BLOCK.rows) this.#load();
    return this.#store.upTo;
  }

  /**
   * Stores blocks that are not stored yet, and the floors of a batch of forgotten acts; within the transaction of an
   * append.
   *
   * @param head where the log ends after the append
   * @returns what to call when the transaction is over
   */
  compact(head: number, now: number): () => void {
    if (!this.#isLoaded) return () => undefined;
    this.#forget(now);
    const forgotten = this.#forgottenBatch();
    const saved = this.#unsaved.filter((block) => !forgotten.includes(block));
    for (const block of saved) this.#store.save(block);
    const upTo = forgotten.at(-1)?.mark.last;
    if (upTo !== undefined) {
      this.#refFloors.raise(highestRefs(forgotten), { upTo, head });
      this.#store.remove(upTo);
    }
    return () => {
      for (const block of saved) block.release();
      this.#unsaved = [];
      this.#blocks = this.#blocks.slice(forgotten.length);
    };
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#blocks = this.#store.load();
    this.#edge = this.#blocks[0]?.mark.before ?? 0;
    for (const row of this.#log.refsAfter(this.#store.upTo)) this.#add(row);
  }

  #add(row: SegmentRefs): void {
    this.#recent.add(row);
    const { rowCount, actCount } = this.#recent;
    if (rowCount >= BLOCK.rows || actCount >= BLOCK.acts) this.#cut(row.last);
  }

  /** Makes a block of the acts that are in none, and of the newest blocks where it should take them in. */
  #cut(last: number): void {
    const kept = this.#blocks.length - this.#joinable();
    const joined = this.#blocks.slice(kept);
    const rows = [...joined.flatMap((block) => block.rows), ...this.#recent.rows];
    const { first, before } = joined[0]?.mark ?? {
      first: (this.#blocks.at(-1)?.mark.last ?? 0) + 1,
      before: this.#blocks.at(-1)?.end ?? 0,
    };
    const block = this.#store.create(markOf(rows, { first, before, last }), rows);
    this.#blocks = [...this.#blocks.slice(0, kept), block];
    this.#unsaved = [...this.#unsaved.filter((each) => !joined.includes(each)), block];
    this.#recent = new RecentActs();
  }

  /** How many of the newest blocks a new one takes in: the newest where both hold only a few acts, else none or all small ones. */
  #joinable(): number {
    const newest = this.#blocks.at(-1)?.mark.acts ?? Infinity;
    if (newest + this.#recent.actCount <= BLOCK.rows) return 1;
    let acts = this.#recent.actCount;
    if (acts >= JOINED_ACTS) return 0;
    const small =
      this.#blocks.length - 1 - this.#blocks.findLastIndex(({ mark }) => mark.acts >= JOINED_ACTS);
    for (const { mark } of this.#blocks.slice(this.#blocks.length - small)) acts += mark.acts;
    return acts >= JOINED_ACTS ? small : 0;
  }

  #highestOf(session: string): number {
    const cached = this.#highest.get(session);
    if (cached !== undefined) return cached;
    const hash = hashOf(session);
    let highest = Math.max(this.#refFloors.of(session), this.#recent.highestOf(session));
    for (const block of this.#blocks) highest = Math.max(highest, block.rangeOf(hash)?.highest ?? 0);
    if (this.#highest.size >= CACHED_SESSIONS) this.#highest.clear();
    this.#highest.set(session, highest);
    return highest;
  }

  /** Searches the blocks that may hold an act, or a forgotten act of its session with an equal or higher ref. */
  #lookUp(session: string, ref: number): Known {
    const hash = hashOf(session);
    let isStale = ref <= this.#refFloors.of(session);
    for (const block of this.#blocks) {
      const range = block.rangeOf(hash);
      if (range === undefined || ref > range.highest) continue;
      const forgotten = this.#edge - block.mark.before;
      if (forgotten <= 0 && ref < range.lowest) continue;
      const acts = block.actsOf(session);
      const act = acts.get(ref);
      if (act !== undefined && act.index >= forgotten) return { is: "done", offset: act.offset };
      if (forgotten <= 0 || isStale) continue;
      for (const [other, { index }] of acts) isStale ||= index < forgotten && other >= ref;
    }
    return { is: isStale ? "stale" : "new" };
  }

  /** Moves the edge of the window. Acts that are in no block are far within it. */
  #forget(now: number): void {
    const total = (this.#blocks.at(-1)?.end ?? 0) + this.#recent.actCount;
    const [atMost, atLeast] = [total - DEDUPLICATION_WINDOW_ACTS, total - DEDUPLICATION_MAX_ACTS];
    for (const block of this.#blocks) {
      if (this.#edge >= atMost) return;
      if (this.#edge >= block.end) continue;
      const old = block.mark.before + block.countBefore(now - DEDUPLICATION_WINDOW_MS);
      this.#edge = Math.max(this.#edge, Math.min(block.end, atMost, Math.max(old, atLeast)));
      if (this.#edge < block.end) return;
    }
  }

  /** The oldest blocks that are completely forgotten, once they are a batch, and not many more than that. */
  #forgottenBatch(): ActBlock[] {
    const start = this.#blocks[0]?.mark.before ?? 0;
    const batch: ActBlock[] = [];
    for (const block of this.#blocks) {
      if (block.end > this.#edge) break;
      batch.push(block);
      if (block.end - start >= REF_FLOOR_BATCH) return batch;
    }
    return [];
  }
}

/** The highest ref of each session that acted in some blocks. */
function highestRefs(blocks: readonly ActBlock[]): Map<string, number> {
  const highest = new Map<string, number>();
  for (const { rows } of blocks) {
    for (const { refs } of rows) {
      for (const [session, ref] of refs) highest.set(session, Math.max(ref, highest.get(session) ?? 0));
    }
  }
  return highest;
}
