/** A live view of the room: it always has the newest entries, and can be read like a `Map`. */
export interface LiveView<Value, Key extends string = string> extends ReadonlyMap<Key, Value> {
  /**
   * The entries as they are now, as a map that never changes. It is the same map until an entry changes, and an entry that has
   * not changed is the same object in the next one. So `useSyncExternalStore` and similar can use it.
   */
  readonly snapshot: ReadonlyMap<Key, Value>;

  /**
   * Calls the listener after every change.
   *
   * @returns a function that removes the listener
   */
  subscribe(listener: () => void): () => void;
}

/** The map behind a {@link LiveView}. Whoever makes a change also notifies the listeners. */
export class LiveMap<Value> implements LiveView<Value> {
  readonly subscribe: (listener: () => void) => () => void;
  #entries = new Map<string, Value>();
  /** Whether the map was handed out as a snapshot. The next change is then made to a copy. */
  #isTaken = false;

  /** @param subscribe adds a listener */
  constructor(subscribe: (listener: () => void) => () => void) {
    this.subscribe = subscribe;
  }

  get snapshot(): ReadonlyMap<string, Value> {
    this.#isTaken = true;
    return this.#entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The map, to change it at once. Call it only if there is a change. */
  edit(): Map<string, Value> {
    if (this.#isTaken) {
      this.#entries = new Map(this.#entries);
      this.#isTaken = false;
    }
    return this.#entries;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): MapIterator<string> {
    return this.#entries.keys();
  }

  values(): MapIterator<Value> {
    return this.#entries.values();
  }

  entries(): MapIterator<[string, Value]> {
    return this.#entries.entries();
  }

  forEach(callback: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) callback(value, key, this);
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }
}
