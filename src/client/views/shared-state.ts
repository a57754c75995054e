import type { StateFrame, StateSnapshot } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";

/** A key's value in the shared state, and its version: the offset that set it. */
export interface SharedValue {
  readonly value: Json;
  /** Pass it to {@link Room.set} as `if`, to change the key only if nobody else has changed it since. */
  readonly version: number;
}

/**
 * A change of the shared state: these keys were set or deleted. {@link Room.shared} has the new values.
 *
 * The author, the time and the offset of the change are absent if the client learned of it by a join.
 */
export interface SharedChange extends Partial<Pick<StateFrame, "offset" | "time" | "from" | "user">> {
  readonly keys: readonly string[];
}

/** A room's shared state (rules T1-T6), as this client knows it. */
export class SharedState {
  readonly #byKey = new Map<string, SharedValue>();
  /** The offset up to which changes are included; -1 before the first welcome. */
  #offset = -1;

  /** A live view. */
  get byKey(): ReadonlyMap<string, SharedValue> {
    return this.#byKey;
  }

  /** Whether the client has ever received the state. Without it, a replay of changes is not sufficient. */
  get isKnown(): boolean {
    return this.#offset >= 0;
  }

  /** Replaces the whole state, as of an offset. Returns the changed keys; `undefined` if nothing changed. */
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

  /** Applies a change and returns it. Returns `undefined` if an earlier replacement or replay included it. */
  update({ type: _type, set = {}, delete: deleted = [], ...origin }: StateFrame): SharedChange | undefined {
    const { offset } = origin;
    if (offset <= this.#offset) return undefined;
    this.#offset = offset;
    for (const [key, value] of Object.entries(set)) this.#byKey.set(key, { value, version: offset });
    for (const key of deleted) this.#byKey.delete(key);
    return { keys: [...Object.keys(set), ...deleted], ...origin };
  }
}
