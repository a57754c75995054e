import type { Floors } from "./floors.ts";
import type { Log } from "./log.ts";
import type { StoredRef } from "./segments.ts";

/** An act is remembered at least this long, in milliseconds. */
export const ONCE_WINDOW_MS = 600_000;

/** So many of the newest acts are remembered, however old. */
export const ONCE_WINDOW_ACTS = 10_000;

/** No more are remembered, however young: 16-40 MB of the 128 MB that a room has, by how many sessions made them. */
export const ONCE_MAX_ACTS = 100_000;

/** Floors are stored when so many acts were forgotten since the last time: a row for each session that made them. */
const FLOOR_BATCH = 1_000;

/** What is known of an act: the offset it got, that it is too old to tell, or nothing. */
export type Known =
  | { readonly is: "done"; readonly offset: number }
  | { readonly is: "stale" }
  | { readonly is: "new" };

/** A remembered act and when it was stored, Unix milliseconds. */
interface Remembered {
  readonly session: string;
  readonly ref: number;
  readonly offset: number;
  readonly at: number;
}

/** What is remembered of a session. */
interface History {
  /** Offsets by ref. */
  readonly offsets: Map<number, number>;
  /** Refs up to this one may have been forgotten; unknown until it is asked for. */
  floor: number | undefined;
}

/**
 * Which acts have taken effect, so that a repeat gets its first answer and nothing happens twice.
 *
 * A set, not a high-water mark: a rate-limited ref comes again later, and POSTs overtake each other. Only what has
 * left the window is remembered by its session's highest ref, and what is not above that is refused. What it knows is
 * in the log's rows; it is read from there when a room that slept or crashed gets its first act with a ref.
 */
export class Once {
  readonly #log: Log;
  readonly #floors: Floors;
  readonly #sessions = new Map<string, History>();
  /** Oldest first; entries before `#oldest` are forgotten. */
  #acts: Remembered[] = [];
  #oldest = 0;
  /** Floors that are not stored yet. */
  #raised = new Map<string, number>();
  #isLoaded = false;

  constructor(log: Log, floors: Floors) {
    this.#log = log;
    this.#floors = floors;
  }

  /** Whether an act has taken effect. */
  find(session: string, ref: number, now: number): Known {
    this.#load(now);
    this.#forget(now);
    const offset = this.#sessions.get(session)?.offsets.get(ref);
    if (offset !== undefined) return { is: "done", offset };
    return { is: ref <= this.#floorOf(session) ? "stale" : "new" };
  }

  /** Remembers acts that were just stored. */
  remember(refs: readonly StoredRef[], now: number): void {
    if (!this.#isLoaded) return; // The log has them, and is read before anything is looked up.
    for (const stored of refs) this.#add(stored, now);
  }

  /** The offset after which rows hold acts that are not forgotten, or whose floors are not stored: they must stay. */
  keepAfter(now: number): number {
    // Here and not within the append, whose rows would be read with the others.
    if (this.#isFloorDue()) this.#load(now);
    return this.#floors.upTo;
  }

  /**
   * Stores the floors of forgotten acts, once there are enough of them; within the transaction of an append. Until then
   * their rows stay.
   *
   * @returns what to call when the transaction is over
   */
  storeFloors(now: number): () => void {
    if (!this.#isFloorDue()) return () => undefined;
    this.#forget(now);
    const upTo = (this.#acts[this.#oldest]?.offset ?? this.#log.head + 1) - 1;
    if (upTo - this.#floors.upTo < FLOOR_BATCH) return () => undefined;
    this.#floors.store(this.#raised, upTo);
    return () => {
      this.#raised = new Map();
    };
  }

  #isFloorDue(): boolean {
    return this.#log.head - this.#floors.upTo >= ONCE_WINDOW_ACTS + FLOOR_BATCH;
  }

  #load(now: number): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    const { upTo } = this.#floors;
    const rows = [];
    for (const row of this.#log.refs()) {
      if (row.last <= upTo) break;
      rows.push(row);
    }
    for (const row of rows.toReversed()) for (const stored of row.refs) this.#add(stored, row.at);
    this.#forget(now);
  }

  /** Kept for those alone whose acts are remembered: anyone may ask, in the name of any number of sessions. */
  #floorOf(session: string): number {
    const history = this.#sessions.get(session);
    const floor = history?.floor ?? Math.max(this.#floors.of(session), this.#raised.get(session) ?? 0);
    if (history !== undefined) history.floor = floor;
    return floor;
  }

  #of(session: string): History {
    let history = this.#sessions.get(session);
    if (history === undefined) {
      this.#sessions.set(session, (history = { offsets: new Map(), floor: undefined }));
    }
    return history;
  }

  #add([session, ref, offset]: StoredRef, at: number): void {
    this.#of(session).offsets.set(ref, offset);
    this.#acts.push({ session, ref, offset, at });
  }

  #forget(now: number): void {
    for (; this.#acts.length - this.#oldest > ONCE_WINDOW_ACTS; this.#oldest++) {
      const act = this.#acts[this.#oldest];
      const isFull = this.#acts.length - this.#oldest > ONCE_MAX_ACTS;
      if (act === undefined || (act.at >= now - ONCE_WINDOW_MS && !isFull)) break;
      this.#forgetOne(act);
    }
    if (this.#oldest > ONCE_WINDOW_ACTS) {
      this.#acts = this.#acts.slice(this.#oldest);
      this.#oldest = 0;
    }
  }

  #forgetOne({ session, ref }: Remembered): void {
    const history = this.#of(session);
    history.offsets.delete(ref);
    if (history.floor !== undefined) history.floor = Math.max(history.floor, ref);
    this.#raised.set(session, Math.max(ref, this.#raised.get(session) ?? 0));
    if (history.offsets.size === 0) this.#sessions.delete(session);
  }
}
