import type { LiveView } from "./live-map.ts";

/** A live view of another one. Each entry is what a function makes of the other's entry, or missing if that is `undefined`. */
export class CheckedView<Value extends object> implements LiveView<Value> {
  readonly #source: LiveView<Value>;
  readonly #check: (value: Value, key: string) => Value | undefined;
  /** The checked entries, by the other view's entries. Entries that have not changed are not checked again. */
  readonly #checked = new WeakMap<Value, { readonly value: Value | undefined }>();
  #seen: ReadonlyMap<string, Value> | undefined;
  #snapshot: ReadonlyMap<string, Value> = new Map();

  constructor(source: LiveView<Value>, check: (value: Value, key: string) => Value | undefined) {
    this.#source = source;
    this.#check = check;
  }

  get snapshot(): ReadonlyMap<string, Value> {
    const { snapshot } = this.#source;
    if (snapshot === this.#seen) return this.#snapshot;
    const entries = new Map<string, Value>();
    for (const [key, value] of snapshot) {
      const checked = this.#checked.get(value) ?? { value: this.#check(value, key) };
      this.#checked.set(value, checked);
      if (checked.value !== undefined) entries.set(key, checked.value);
    }
    this.#seen = snapshot;
    return (this.#snapshot = entries);
  }

  get size(): number {
    return this.snapshot.size;
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#source.subscribe(listener);

  get(key: string): Value | undefined {
    return this.snapshot.get(key);
  }

  has(key: string): boolean {
    return this.snapshot.has(key);
  }

  keys(): MapIterator<string> {
    return this.snapshot.keys();
  }

  values(): MapIterator<Value> {
    return this.snapshot.values();
  }

  entries(): MapIterator<[string, Value]> {
    return this.snapshot.entries();
  }

  forEach(callback: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    this.snapshot.forEach((value, key) => callback(value, key, this));
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.snapshot.entries();
  }
}
