import type { ErrorCode } from "../../../src/protocol/errors.ts";

/** A key of the shared state as the room should have it. */
interface Entry {
  readonly value: string;
  /** The offset that set it. */
  readonly version: number;
  /** The member whose leave deletes it. */
  readonly owner: string | undefined;
}

/** The shared state at one offset of the log. */
export type Shared = ReadonlyMap<string, Entry>;

/** A change of the state that a member requests. */
export interface StateChange {
  readonly set: Readonly<Record<string, string>>;
  readonly deleted: readonly string[];
  /** The versions to compare. */
  readonly expected: Readonly<Record<string, number>>;
  readonly own: boolean;
}

/** Why a change is rejected. */
export interface StateRefusal {
  readonly code: ErrorCode;
  readonly versions?: Readonly<Record<string, number>>;
}

/** Why a member may not make this change (rules T2 and T3); `undefined` if it may. */
export function refusalOf(shared: Shared, change: StateChange, by: string): StateRefusal | undefined {
  const { set, deleted, expected } = change;
  const versions = Object.fromEntries(Object.keys(expected).map((key) => [key, versionOf(shared, key)]));
  if (Object.entries(expected).some(([key, version]) => versions[key] !== version))
    return { code: "conflict", versions };
  const owners = [...Object.keys(set), ...deleted].map((key) => shared.get(key)?.owner);
  return owners.some((owner) => owner !== undefined && owner !== by) ? { code: "not_owner" } : undefined;
}

/** The state after a change that was stored at an offset. */
export function changed(shared: Shared, change: StateChange, by: string, offset: number): Shared {
  const after = new Map(shared);
  const owner = change.own ? by : undefined;
  for (const [key, value] of Object.entries(change.set)) after.set(key, { value, version: offset, owner });
  for (const key of change.deleted) after.delete(key);
  return after;
}

/** The change that deletes a member's own keys; `undefined` if it has none. */
export function ownKeysDeletion(shared: Shared, id: string): StateChange | undefined {
  const deleted = [...shared].filter(([, { owner }]) => owner === id).map(([key]) => key);
  return deleted.length === 0 ? undefined : { set: {}, deleted, expected: {}, own: false };
}

/** The version of a key: 0 while it is absent. */
export function versionOf(shared: Shared, key: string): number {
  return shared.get(key)?.version ?? 0;
}
