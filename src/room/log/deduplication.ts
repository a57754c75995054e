import { markOf, type ActBlock } from "./act-block.ts";
import type { ActBlockStore } from "./act-block-store.ts";
import type { RefFloors } from "./ref-floors.ts";
import { hashOf } from "./hash.ts";
import type { Log } from "./log.ts";
import { RecentActs } from "./recent-acts.ts";
import type { SegmentRefs, StoredRef } from "./segment-store.ts";

/** An act is remembered for at least this long, in milliseconds. */
export const DEDUPLICATION_WINDOW_MS = 600_000;

/** At least this many of the newest acts are remembered, regardless of age. */
export const DEDUPLICATION_WINDOW_ACTS = 10_000;

/** At most this many acts are remembered, regardless of age. */
export const DEDUPLICATION_MAX_ACTS = 100_000;

/**
 * A new block is created once this many rows of the log, or this many acts, are outside all blocks. A room that wakes
 * reads all rows outside blocks: 50 on average. Blocks add 1 % to the rows written if each message is a row.
 */
export const BLOCK = { rows: 100, acts: 2_000 };

/**
 * The newest blocks with fewer acts than this are joined once they have this many together. A room then has about 20
 * blocks for 10,000 acts of one row each, and 110 blocks for 100,000. Joining adds 0.1 % to the rows written.
 */
const JOINED_ACTS = 1_000;

/** Minimum refs are stored in batches of this many forgotten acts: one row for each session that made them. */
const REF_FLOOR_BATCH = 1_000;

/** The highest refs of at most this many sessions are kept in memory. */
const CACHED_SESSIONS = 10_000;

/** What the room knows about an act: its offset, that its ref is too old to decide, or that it is new. */
export type Known =
  | { readonly is: "done"; readonly offset: number }
  | { readonly is: "stale" }
  | { readonly is: "new" };

/**
 * Deduplicates acts. It knows which acts have taken effect, so a repeat gets the first reply again and nothing happens
 * twice.
 *
 * It remembers a set of refs, not only the highest ref. A rate-limited ref is retried later, and POSTs overtake each
 * other. For acts outside the window it remembers only the highest ref of each session. A ref at or below that is
 * rejected.
 *
 * The refs of an act are stored in the log's row. Rows are compacted into blocks. The digests of the blocks show which
 * blocks a lookup must read. Most lookups read none, because a new act has the highest ref of its session. So a waking
 * room reads only the digests and the few rows outside all blocks, however long its history is.
 */
export class Deduplication {
  readonly #log: Log;
  readonly #store: ActBlockStore;
  readonly #refFloors: RefFloors;
  /** Oldest first. Blocks up to `#edge` are forgotten, but their minimum refs are not stored yet. */
  #blocks: ActBlock[] = [];
  /** Blocks that are not stored yet; their rows are still in the log. */
  #unsaved: ActBlock[] = [];
  #recent = new RecentActs();
  /** The number of forgotten acts, on the same scale as `BlockMark.before`. */
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
    if (!this.#isLoaded) return; // The acts are in the log, which is read before the first lookup.
    this.#add({ refs, at: this.#log.timeAt(now), last: this.#log.head });
    for (const [session, ref] of refs) {
      if (ref > (this.#highest.get(session) ?? Infinity)) this.#highest.set(session, ref);
    }
  }

  /** Rows after this offset hold acts that are in no stored block. The log must keep them. */
  get keepAfter(): number {
    // Loads here, because within the append the load would also read the appended rows.
    if (this.#log.head - this.#store.upTo >= BLOCK.rows) this.#load();
    return this.#store.upTo;
  }

  /**
   * Stores unsaved blocks, and the minimum refs of a batch of forgotten acts. Call it within the transaction of an
   * append.
   *
   * @param head where the log ends after the append
   * @returns a function to call once the transaction has committed
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

  /** Creates a block from the acts outside all blocks. It merges the newest blocks into it where that is worthwhile. */
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

  /**
   * The number of newest blocks that the next block absorbs. It is the newest block if both have only a few acts.
   * Otherwise it is none, or all small ones.
   */
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

  /** Searches the blocks that may contain the act, or a forgotten act of its session with an equal or higher ref. */
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

  /** Moves the edge of the window. Acts outside all blocks are always well within the window. */
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

  /** The oldest completely forgotten blocks, once they hold enough acts for a batch, and not many more than that. */
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
