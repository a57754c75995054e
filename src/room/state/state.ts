import type { SetFrame } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import { StateDraft, sizeOf, type StateLimits, type StateSize } from "./state-draft.ts";
import type { StateEntry, StateStore } from "./state-store.ts";

/** A change of the state, ready to be recorded. */
export interface StateChange {
  /** Values as JSON text. */
  readonly set: ReadonlyMap<string, string>;
  readonly deleted: readonly string[];
  /** The member whose leave deletes the keys of `set`. */
  readonly owner: string | undefined;
}

/**
 * The room's shared state: keys with JSON values. The version of a key is the offset that set it.
 *
 * A change is staged when it is recorded, and later acts see it from then on. It is written with the messages of its
 * flush, or dropped with them.
 */
export class State implements StateSize {
  readonly #store: StateStore;
  readonly #limits: StateLimits;
  readonly #isMember: (id: string) => boolean;
  #entries: Map<string, StateEntry> | undefined;
  #bytes = 0;
  #staged = new Map<string, StateEntry | undefined>();
  #stagedBytes = 0;
  #stagedKeys = 0;
  #snapshot: string | undefined;

  /** @param isMember whether the owner of a key is in the room; a key whose owner has left has no owner any more */
  constructor(store: StateStore, limits: StateLimits, isMember: (id: string) => boolean) {
    this.#store = store;
    this.#limits = limits;
    this.#isMember = isMember;
  }

  /** Returns a key as the next act sees it, including staged changes. */
  get(key: string): StateEntry | undefined {
    return this.#staged.has(key) ? this.#staged.get(key) : this.#loaded().get(key);
  }

  /** Checks a change that a member requests. It changes nothing. */
  check({ set, delete: deleted, if: expected, own }: SetFrame, member: string): Result<StateChange> {
    const versions = Array.from(expected.keys(), (key) => [key, this.get(key)?.version ?? 0] as const);
    const differing = versions.find(([key, version]) => expected.get(key) !== version);
    if (differing !== undefined) {
      const [key, version] = differing;
      return err({
        code: "conflict",
        message: `key ${JSON.stringify(key)} has version ${version}, not ${expected.get(key)}; read it again and retry`,
        versions: Object.fromEntries(versions),
      });
    }
    for (const key of [...set.keys(), ...deleted]) {
      const owner = this.get(key)?.owner;
      // The keys of a member are deleted when it leaves, unless the storage failed then.
      if (owner !== undefined && owner !== member && this.#isMember(owner)) {
        return err({
          code: "not_owner",
          message: `key ${JSON.stringify(key)} belongs to another member`,
        });
      }
    }
    const change = {
      set: textsOf(set),
      deleted,
      owner: own ? member : undefined,
    };
    const full = this.draft().add(change.set, deleted);
    return full === undefined ? ok(change) : err(full);
  }

  /** Starts a draft of changes that are staged together or not at all. */
  draft(): StateDraft {
    return new StateDraft(this, this.#limits);
  }

  valueOf(key: string): string | undefined {
    return this.get(key)?.value;
  }

  get keys(): number {
    return this.#loaded().size + this.#stagedKeys;
  }

  get bytes(): number {
    this.#loaded();
    return this.#bytes + this.#stagedBytes;
  }

  /** Stages a checked change at the offset that it will have. */
  stage({ set, deleted, owner }: StateChange, version: number): void {
    for (const [key, value] of set) this.#stage(key, { value, version, owner });
    for (const key of deleted) this.#stage(key, undefined);
  }

  /** The keys that are deleted when a member leaves. */
  ownedBy(member: string): readonly string[] {
    const keys = new Set([...this.#loaded().keys(), ...this.#staged.keys()]);
    return [...keys].filter((key) => this.get(key)?.owner === member);
  }

  /** Writes the staged changes. Call it within the transaction of an append. */
  write(): void {
    if (this.#staged.size > 0) this.#store.write(this.#staged);
  }

  /** Applies the staged changes, which are now stored. */
  commit(): void {
    if (this.#staged.size === 0) return;
    const entries = this.#loaded();
    for (const [key, entry] of this.#staged) {
      if (entry === undefined) entries.delete(key);
      else entries.set(key, entry);
    }
    this.#bytes += this.#stagedBytes;
    this.#snapshot = undefined;
    this.drop();
  }

  /** Discards the staged changes, because they could not be stored. */
  drop(): void {
    this.#staged = new Map();
    this.#stagedBytes = 0;
    this.#stagedKeys = 0;
  }

  /** The whole state as JSON text, `{"key":[value,version]}`. It is encoded once for all readers. */
  get snapshot(): string {
    this.#snapshot ??= `{${Array.from(
      this.#loaded(),
      ([key, { value, version }]) => `${JSON.stringify(key)}:[${value},${version}]`,
    ).join(",")}}`;
    return this.#snapshot;
  }

  #stage(key: string, entry: StateEntry | undefined): void {
    const before = this.get(key);
    this.#stagedBytes += sizeOf(key, entry?.value) - sizeOf(key, before?.value);
    this.#stagedKeys += Number(entry !== undefined) - Number(before !== undefined);
    this.#staged.set(key, entry);
  }

  #loaded(): Map<string, StateEntry> {
    if (this.#entries === undefined) {
      this.#entries = this.#store.load();
      for (const [key, entry] of this.#entries) this.#bytes += sizeOf(key, entry.value);
    }
    return this.#entries;
  }
}

/** Values as JSON text. */
function textsOf(values: ReadonlyMap<string, Json>): ReadonlyMap<string, string> {
  return new Map(Array.from(values, ([key, value]) => [key, JSON.stringify(value)] as const));
}
