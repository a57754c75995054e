import type { Kind } from "../config/config.ts";
import type { WireError } from "../protocol/errors.ts";
import { MAX_NAME_CHARS, type SetFrame } from "../protocol/frames.ts";
import { utf8Length, type Json } from "../protocol/json.ts";
import { err, ok, type Result } from "../protocol/result.ts";
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
export class State {
  readonly #store: StateStore;
  readonly #limits: Pick<Kind, "maxStateKeys" | "maxStateBytes">;
  readonly #isMember: (id: string) => boolean;
  #entries: Map<string, StateEntry> | undefined;
  #bytes = 0;
  #staged = new Map<string, StateEntry | undefined>();
  #stagedBytes = 0;
  #stagedKeys = 0;
  #snapshot: string | undefined;

  /** @param isMember whether who owns a key is in the room; the keys of one who is not are nobody's */
  constructor(
    store: StateStore,
    limits: Pick<Kind, "maxStateKeys" | "maxStateBytes">,
    isMember: (id: string) => boolean,
  ) {
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
          message: `the key ${JSON.stringify(key)} belongs to another member`,
        });
      }
    }
    const change = {
      set: textsOf(set),
      deleted,
      owner: own ? member : undefined,
    };
    const full = this.#fullness(change);
    return full === undefined ? ok(change) : err(full);
  }

  /**
   * Checks what the room itself wants to change, values as JSON text.
   *
   * @throws RangeError where the state would hold too much, or a key is not 1-64 characters
   */
  mustHold(set: ReadonlyMap<string, string>, deleted: readonly string[]): void {
    const keys = [...set.keys(), ...deleted];
    if (keys.length === 0) throw new RangeError("set or delete names a key");
    for (const key of keys) {
      if (typeof key !== "string" || key === "" || key.length > MAX_NAME_CHARS) {
        throw new RangeError(`a key is a string of 1-${MAX_NAME_CHARS} characters`);
      }
    }
    const full = this.#fullness({ set, deleted, owner: undefined });
    if (full !== undefined) throw new RangeError(full.message);
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
    this.#stagedBytes += sizeOf(key, entry) - sizeOf(key, before);
    this.#stagedKeys += Number(entry !== undefined) - Number(before !== undefined);
    this.#staged.set(key, entry);
  }

  /** Why a change would make the state too large. One that makes it smaller never does. */
  #fullness({ set, deleted }: StateChange): WireError | undefined {
    const { maxStateKeys, maxStateBytes } = this.#limits;
    let [keys, bytes] = [0, 0];
    for (const [key, value] of set) {
      const before = this.get(key);
      keys += before === undefined ? 1 : 0;
      bytes += sizeOf(key, { value }) - sizeOf(key, before);
    }
    for (const key of deleted) {
      const before = this.get(key);
      keys -= before === undefined ? 0 : 1;
      bytes -= sizeOf(key, before);
    }
    const size = this.#loaded().size + this.#stagedKeys + keys;
    if (keys > 0 && size > maxStateKeys) {
      return {
        code: "state_full",
        message: `the state holds no more than ${maxStateKeys} keys`,
        limit: "maxStateKeys",
      };
    }
    if (bytes > 0 && this.#bytes + this.#stagedBytes + bytes > maxStateBytes) {
      const message = `the state holds no more than ${maxStateBytes} bytes`;
      return { code: "state_full", message, limit: "maxStateBytes" };
    }
    return undefined;
  }

  #loaded(): Map<string, StateEntry> {
    if (this.#entries === undefined) {
      this.#entries = this.#store.load();
      for (const [key, entry] of this.#entries) this.#bytes += sizeOf(key, entry);
    }
    return this.#entries;
  }
}

/** What a key counts, in bytes: its name and its value. */
function sizeOf(key: string, entry: Pick<StateEntry, "value"> | undefined): number {
  return entry === undefined ? 0 : utf8Length(key) + utf8Length(entry.value);
}

/** Values as JSON text. */
export function textsOf(values: ReadonlyMap<string, Json>): ReadonlyMap<string, string> {
  return new Map(Array.from(values, ([key, value]) => [key, JSON.stringify(value)] as const));
}
