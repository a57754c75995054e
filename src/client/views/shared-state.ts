import type { AppTypes, StateKey } from "../../protocol/app-types.ts";
import type { StateFrame, StateSnapshot } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";
import type { LiveMap } from "./live-map.ts";

/** A key's value in the shared state, and its version: the offset that set it. */
export interface SharedValue<Value = Json> {
  readonly value: Value;
  /** Pass it to {@link Shared.set} as `if`, to change the key only if nobody else has changed it since. */
  readonly version: number;
}

/**
 * A change of the shared state: these keys were set or deleted. {@link Room.shared} has the new values.
 *
 * The author, the time and the offset of the change are absent if the client learned of it by a join.
 */
export interface SharedChange<App extends AppTypes = AppTypes> extends Partial<
  Pick<StateFrame, "offset" | "time" | "from" | "user">
> {
  readonly keys: readonly StateKey<App>[];
}

/** A room's shared state (rules T1-T6), as this client knows it. */
export class SharedState {
  readonly byKey: LiveMap<SharedValue>;
  /** The offset up to which changes are included; -1 before the first welcome. */
  #offset = -1;

  constructor(byKey: LiveMap<SharedValue>) {
    this.byKey = byKey;
  }

  /** Whether the client has ever received the state. Without it, a replay of changes is not sufficient. */
  get isKnown(): boolean {
    return this.#offset >= 0;
  }

  /** Replaces the whole state, as of an offset. Returns the changed keys; `undefined` if nothing changed. */
  replace(state: StateSnapshot, offset: number): SharedChange | undefined {
    this.#offset = offset;
    const after = new Map(
      Object.entries(state).map(([key, [value, version]]) => [key, { value, version }] as const),
    );
    const keys = [...new Set([...this.byKey.keys(), ...after.keys()])].filter(
      // Another log may have the same versions.
      (key) => JSON.stringify(this.byKey.get(key)) !== JSON.stringify(after.get(key)),
    );
    for (const key of keys) put(this.byKey.edit(), key, after.get(key));
    return keys.length === 0 ? undefined : { keys };
  }

  /** Applies a change and returns it. Returns `undefined` if an earlier replacement or replay included it. */
  update({ type: _type, set = {}, delete: deleted = [], ...origin }: StateFrame): SharedChange | undefined {
    const { offset } = origin;
    if (offset <= this.#offset) return undefined;
    this.#offset = offset;
    const byKey = this.byKey.edit();
    for (const [key, value] of Object.entries(set)) byKey.set(key, { value, version: offset });
    for (const key of deleted) byKey.delete(key);
    return { keys: [...Object.keys(set), ...deleted], ...origin };
  }
}

function put(map: Map<string, SharedValue>, key: string, value: SharedValue | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
