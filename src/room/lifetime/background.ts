/** Work that takes a while, and then returns what to do in a turn of the room. */
export type Check = Promise<(now: number) => void>;

/** Starts a check, if it is time for one. */
type CheckSource = (now: number) => Check | undefined;

const NONE: readonly Check[] = [];

/**
 * The queue of background checks. A turn contains no `await`, so work that takes a while, such as a call to another object,
 * needs a second turn for its effect. Collaborators add their checks here. After each event, the room takes the new checks and
 * gives each result a turn of its own.
 */
export class Background {
  readonly #sources: CheckSource[] = [];
  #started: Check[] = [];

  /** Adds a check that has started. */
  add(check: Check): void {
    this.#started.push(check);
  }

  /** Adds a source of checks. It is called after each message, POST and alarm, so it must be cheap. It never wakes the room. */
  addSource(source: CheckSource): void {
    this.#sources.push(source);
  }

  /** Removes and returns the checks that have started since the last call. */
  take(now: number): readonly Check[] {
    for (const source of this.#sources) {
      const check = source(now);
      if (check !== undefined) this.#started.push(check);
    }
    if (this.#started.length === 0) return NONE; // Nearly always, so this allocates nothing.
    const started = this.#started;
    this.#started = [];
    return started;
  }
}
