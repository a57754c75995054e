import type { StateFrame, StateSnapshot } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";

/** A key's value in the shared state, and its version: the offset that set it. */
export interface SharedValue {
  readonly value: Json;
  /** Give it to {@link Room.set} as `if`, to change the key only if nobody else has meanwhile. */
  readonly version: number;
}

/**
 * What has changed in the shared state: these keys were set or deleted. Which and to what, {@link Room.shared} tells.
 *
 * Whose act it was, when, and at which offset of the log is absent for what became known by a join.
 */
export interface SharedChange extends Partial<Pick<StateFrame, "offset" | "time" | "from" | "user">> {
  readonly keys: readonly string[];
}

/** A room's shared state (rules T1-T6), as this client knows it. */
export class SharedState {
  readonly #byKey = new Map<string, SharedValue>();
  /** Where in the log it stands; -1 before the first welcome. */
  #offset = -1;

  /** A live view. */
  get byKey(): ReadonlyMap<string, SharedValue> {
    return this.#byKey;
  }

  /** Whether it was ever told; until then a replay has nothing to build on. */
  get isKnown(): boolean {
    return this.#offset >= 0;
  }

  /** Takes the whole state, as of an offset. Returns what is new; `undefined` if nothing is. */
  replace(state: StateSnapshot, offset: number): SharedChange | undefined {
    const before = new Map(this.#byKey);
    this.#offset = offset;
    this.#byKey.clear();
    for (const [key, [value, version]] of Object.entries(state)) this.#byKey.set(key, { value, version });
    const keys = [...new Set([...before.keys(), ...this.#byKey.keys()])].filter(
      // Another log may have the same versions.
      (key) => JSON.stringify(before.get(key)) !== JSON.stringify(this.#byKey.get(key)),
    );
    return keys.length === 0 ? undefined : { keys };
  }

  /** Takes a change. Returns it; `undefined` if it was known, as part of what was replaced or from an earlier replay. */
  update({ type: _type, set = {}, delete: deleted = [], ...origin }: StateFrame): SharedChange | undefined {
    const { offset } = origin;
    if (offset <= this.#offset) return undefined;
    this.#offset = offset;
    for (const [key, value] of Object.entries(set)) this.#byKey.set(key, { value, version: offset });
    for (const key of deleted) this.#byKey.delete(key);
    return { keys: [...Object.keys(set), ...deleted], ...origin };
  }
}
