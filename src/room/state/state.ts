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
  /** The member the keys set end with. */
  readonly owner: string | undefined;
}

/**
 * The room's shared state: keys with JSON values, each with the offset that set it as its version.
 *
 * A change is staged when it is recorded and holds from then on for whoever acts next; it is written with the messages
 * of its flush, or dropped with them.
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

  /** @param isMember whether who owns a key is in the room; the keys of one who is not are nobody's */
  constructor(store: StateStore, limits: StateLimits, isMember: (id: string) => boolean) {
    this.#store = store;
    this.#limits = limits;
    this.#isMember = isMember;
  }

  /** A key as it is for who acts next. */
  get(key: string): StateEntry | undefined {
    return this.#staged.has(key) ? this.#staged.get(key) : this.#loaded().get(key);
  }

  /** Checks what a member wants to change; touches nothing. */
  check({ set, delete: deleted, if: expected, own }: SetFrame, member: string): Result<StateChange> {
    const versions = Array.from(expected.keys(), (key) => [key, this.get(key)?.version ?? 0] as const);
    if (versions.some(([key, version]) => expected.get(key) !== version)) {
      return err({ code: "conflict", versions: Object.fromEntries(versions) });
    }
    for (const key of [...set.keys(), ...deleted]) {
      const owner = this.get(key)?.owner;
      // They are deleted when it departs, unless the storage refused that.
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

  /** Starts a draft of changes that are staged together, or not at all. */
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

  /** Makes a checked change hold, at the offset it will have. */
  stage({ set, deleted, owner }: StateChange, version: number): void {
    for (const [key, value] of set) this.#stage(key, { value, version, owner });
    for (const key of deleted) this.#stage(key, undefined);
  }

  /** The keys that end with a member. */
  ownedBy(member: string): readonly string[] {
    const keys = new Set([...this.#loaded().keys(), ...this.#staged.keys()]);
    return [...keys].filter((key) => this.get(key)?.owner === member);
  }

  /** Writes what is staged; within the transaction of an append. */
  write(): void {
    if (this.#staged.size > 0) this.#store.write(this.#staged);
  }

  /** What is staged is stored. */
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

  /** What is staged could not be stored: it never was. */
  drop(): void {
    this.#staged = new Map();
    this.#stagedBytes = 0;
    this.#stagedKeys = 0;
  }

  /** The whole state as JSON text, `{"key":[value,version]}`; written once for however many ask. */
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
