import type { Keep, Log, StoredRef } from "./log.ts";

/** An act is remembered at least this long, in milliseconds. */
export const ONCE_WINDOW_MS = 600_000;

/** So many of the newest acts are remembered, however old. */
export const ONCE_WINDOW_ACTS = 10_000;

/** A remembered act and when it was stored, Unix milliseconds. */
interface Remembered {
  readonly session: string;
  readonly ref: number;
  readonly at: number;
}

/**
 * Which acts have taken effect, so that a repeat gets its first answer and nothing happens twice.
 *
 * A set, not a high-water mark: a rate-limited ref comes again later, and POSTs overtake each other. What it knows
 * is in the log's rows; it is read from there when a room that slept or crashed gets its first act with a ref.
 */
export class Once {
  readonly #log: Log;
  readonly #offsets = new Map<string, Map<number, number>>();
  /** Oldest first; entries before `#oldest` are forgotten. */
  #acts: Remembered[] = [];
  #oldest = 0;
  #isLoaded = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The offset that this act got before; `undefined` if it is not remembered. */
  find(session: string, ref: number, now: number): number | undefined {
    this.#load(now);
    return this.#offsets.get(session)?.get(ref);
  }

  /** Remembers acts that were just stored, and forgets those past the window. */
  remember(refs: readonly StoredRef[], now: number): void {
    if (!this.#isLoaded) return; // The log has them, and is read before anything is looked up.
    for (const stored of refs) this.#add(stored, now);
    this.#forget(now);
  }

  /** The rows that hold acts which must be remembered. */
  keep(now: number): Keep {
    return { after: this.#log.head - ONCE_WINDOW_ACTS, since: now - ONCE_WINDOW_MS };
  }

  #load(now: number): void {
    if (this.#isLoaded) return;
    const rows = [];
    for (const row of this.#log.refs()) {
      if (row.last <= this.#log.head - ONCE_WINDOW_ACTS && row.at < now - ONCE_WINDOW_MS) break;
      rows.push(row);
    }
    for (const row of rows.toReversed()) for (const stored of row.refs) this.#add(stored, row.at);
    this.#isLoaded = true;
  }

  #add([session, ref, offset]: StoredRef, at: number): void {
    let refs = this.#offsets.get(session);
    if (refs === undefined) this.#offsets.set(session, (refs = new Map<number, number>()));
    refs.set(ref, offset);
    this.#acts.push({ session, ref, at });
  }

  #forget(now: number): void {
    for (; this.#acts.length - this.#oldest > ONCE_WINDOW_ACTS; this.#oldest++) {
      const act = this.#acts[this.#oldest];
      if (act === undefined || act.at >= now - ONCE_WINDOW_MS) break;
      const refs = this.#offsets.get(act.session);
      refs?.delete(act.ref);
      if (refs?.size === 0) this.#offsets.delete(act.session);
    }
    if (this.#oldest > ONCE_WINDOW_ACTS) {
      this.#acts = this.#acts.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}
