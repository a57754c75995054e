import type { WireError } from "../../protocol/errors.ts";
import { utf8Length } from "../../protocol/json.ts";
import type { KindOptions } from "../../config/options.ts";

/** The options that limit the state. */
export type StateLimits = Pick<KindOptions, "maxStateKeys" | "maxStateBytes">;

/** The state that a draft starts from: the room's, or another draft. */
export interface StateSize {
  /** A key's value, JSON text; `undefined` for a key that is absent. */
  valueOf(key: string): string | undefined;
  /** The number of keys. */
  readonly keys: number;
  /** Bytes of key names and values. */
  readonly bytes: number;
}

/**
 * Changes of the state that take effect together and are not staged yet. Each change is checked as if the earlier ones
 * had taken effect, because changes that fit alone may be too large together.
 */
export class StateDraft implements StateSize {
  readonly #base: StateSize;
  readonly #limits: StateLimits;
  /** Values of changed keys, JSON text; `undefined` for a deleted key. */
  readonly #changed = new Map<string, string | undefined>();
  #keys: number;
  #bytes: number;

  constructor(base: StateSize, limits: StateLimits) {
    this.#base = base;
    this.#limits = limits;
    this.#keys = base.keys;
    this.#bytes = base.bytes;
  }

  valueOf(key: string): string | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#base.valueOf(key);
  }

  /** Starts a draft of changes that take effect after these. It does not change this draft. */
  next(): StateDraft {
    return new StateDraft(this, this.#limits);
  }

  get keys(): number {
    return this.#keys;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a change. No key may occur twice in it. If the state would be too large, this adds nothing and returns the
   * error. A change that makes the state smaller is never too large.
   */
  add(set: ReadonlyMap<string, string>, deleted: readonly string[]): WireError | undefined {
    let [keys, bytes] = [0, 0];
    const count = (key: string, value: string | undefined): void => {
      const before = this.valueOf(key);
      keys += Number(value !== undefined) - Number(before !== undefined);
      bytes += sizeOf(key, value) - sizeOf(key, before);
    };
    for (const [key, value] of set) count(key, value);
    for (const key of deleted) count(key, undefined);
    const full = this.#fullness(keys, bytes);
    if (full !== undefined) return full;
    for (const [key, value] of set) this.#changed.set(key, value);
    for (const key of deleted) this.#changed.set(key, undefined);
    this.#keys += keys;
    this.#bytes += bytes;
    return undefined;
  }

  #fullness(keys: number, bytes: number): WireError | undefined {
    const { maxStateKeys, maxStateBytes } = this.#limits;
    if (keys > 0 && this.#keys + keys > maxStateKeys) {
      const message = `the state would have ${this.#keys + keys} keys, the limit is ${maxStateKeys}; delete keys first`;
      return { code: "state_full", message, limit: "maxStateKeys" };
    }
    if (bytes > 0 && this.#bytes + bytes > maxStateBytes) {
      const message = `the state would have ${this.#bytes + bytes} bytes, the limit is ${maxStateBytes}; delete keys first`;
      return { code: "state_full", message, limit: "maxStateBytes" };
    }
    return undefined;
  }
}

/** The size of a key in bytes: its name and its value; 0 if it is absent. */
export function sizeOf(key: string, value: string | undefined): number {
  return value === undefined ? 0 : utf8Length(key) + utf8Length(value);
}
