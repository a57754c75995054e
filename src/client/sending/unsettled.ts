import type { Pending } from "../views/events.ts";

/** The promises of acts that have not settled. */
export class Unsettled {
  /** The same object until it changes. */
  pending: Pending = { count: 0 };
  readonly #promises = new Set<Promise<unknown>>();
  readonly #onChange: (pending: Pending) => void;

  constructor(onChange: (pending: Pending) => void) {
    this.#onChange = onChange;
  }

  /** Counts a promise until it settles. */
  add<Value>(promise: Promise<Value>): Promise<Value> {
    const settled = (): void => {
      if (this.#promises.delete(promise)) this.#changed();
    };
    this.#promises.add(promise);
    promise.then(settled, settled);
    this.#changed();
    return promise;
  }

  /** Resolves when all promises that are counted now have settled. */
  async all(): Promise<void> {
    await Promise.allSettled(this.#promises);
  }

  /** Counts nothing any more: the room is closed, and every act is rejected. */
  clear(): void {
    this.#promises.clear();
    if (this.pending.count > 0) this.#changed();
  }

  #changed(): void {
    this.pending = { count: this.#promises.size };
    this.#onChange(this.pending);
  }
}
