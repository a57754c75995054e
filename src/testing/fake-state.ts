import { KIND_OPTIONS } from "../config/kind-options.ts";
import type { WireError } from "../protocol/errors.ts";
import type { SetFrame, StateSnapshot } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";
import { StateDraft, type StateSize, sizeOf } from "../room/state/state-draft.ts";

/** A change of the state as it is recorded. Values are JSON text. */
export interface Change {
  readonly set: ReadonlyMap<string, string>;
  readonly delete: readonly string[];
}

interface Entry {
  readonly value: string;
  readonly version: number;
  /** The member whose leave deletes the key. */
  readonly owner: string | undefined;
}

/** The shared state of a room, in memory (rules T1 to T5). */
export class FakeState implements StateSize {
  readonly #entries = new Map<string, Entry>();
  readonly #limits = {
    maxStateKeys: KIND_OPTIONS.maxStateKeys.default,
    maxStateBytes: KIND_OPTIONS.maxStateBytes.default,
  };
  bytes = 0;

  get keys(): number {
    return this.#entries.size;
  }

  valueOf(key: string): string | undefined {
    return this.#entries.get(key)?.value;
  }

  /** The values by key. */
  get values(): ReadonlyMap<string, Json> {
    return new Map(Array.from(this.#entries, ([key, { value }]) => [key, JSON.parse(value) as Json]));
  }

  /** The state as a welcome has it. `Object.fromEntries` also accepts a key such as `__proto__`. */
  get snapshot(): StateSnapshot {
    return Object.fromEntries(
      Array.from(this.#entries, ([key, { value, version }]) => [key, [JSON.parse(value) as Json, version]]),
    );
  }

  /** The error for a change that a member requests; `undefined` if it is allowed. */
  refusalOf(
    { set, delete: deleted, if: expected }: SetFrame,
    member: string,
    change: Change,
  ): WireError | undefined {
    const versions = Array.from(
      expected.keys(),
      (key) => [key, this.#entries.get(key)?.version ?? 0] as const,
    );
    if (versions.some(([key, version]) => expected.get(key) !== version)) {
      return { code: "conflict", versions: Object.fromEntries(versions) };
    }
    for (const key of [...set.keys(), ...deleted]) {
      const owner = this.#entries.get(key)?.owner;
      if (owner !== undefined && owner !== member) {
        return { code: "not_owner", message: `key ${JSON.stringify(key)} belongs to another member` };
      }
    }
    return new StateDraft(this, this.#limits).add(change.set, change.delete);
  }

  /** Applies a change that is recorded at this offset. */
  apply(change: Change, version: number, owner?: string): void {
    for (const key of change.delete) this.#put(key, undefined);
    for (const [key, value] of change.set) this.#put(key, { value, version, owner });
  }

  /** The keys that are deleted when a member leaves. */
  ownedBy(member: string): readonly string[] {
    return [...this.#entries].filter(([, { owner }]) => owner === member).map(([key]) => key);
  }

  clear(): void {
    this.#entries.clear();
    this.bytes = 0;
  }

  #put(key: string, entry: Entry | undefined): void {
    this.bytes += sizeOf(key, entry?.value) - sizeOf(key, this.valueOf(key));
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }
}
