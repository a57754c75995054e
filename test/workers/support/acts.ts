import { DEDUPLICATION_WINDOW_MS, type Known } from "../../../src/room/log/deduplication.ts";
import type { StoredRef } from "../../../src/room/log/segment-store.ts";
import { retentionOf } from "./retention.ts";
import { loadLog, NOW, range, type LoadedLog } from "./logs.ts";
import { inRoom, uniqueRoom } from "./rooms.ts";

/** An act of a test. */
type Act = readonly [session: string, ref: number];

/** So long after `NOW` that acts stored at `NOW` are outside the window. */
export const LATER = NOW + 100 * DEDUPLICATION_WINDOW_MS;

/** Runs code on a log with a minimal retention, in an unused room. */
export function withActs<Value>(
  work: (loaded: LoadedLog, storage: DurableObjectStorage) => Value,
): Promise<Awaited<Value>> {
  return inRoom(uniqueRoom(), ({ storage }) => work(loadLog(storage, retentionOf(1)), storage));
}

/**
 * Performs acts as the room does: new acts are stored as one flush and remembered. Returns what was known of each act
 * before.
 */
export function doActs(loaded: Omit<LoadedLog, "tables">, acts: readonly Act[], now: number): Known[] {
  const known = acts.map(([session, ref]) => loaded.deduplication.find(session, ref, now));
  const fresh = acts.filter((_act, index) => known[index]?.is === "new");
  if (fresh.length > 0) storeWithFloors(loaded, fresh, now);
  return known;
}

/**
 * Stores one flush as the room does: a message for each act, or one without an act, and all minimum refs that are due.
 */
export function storeWithFloors(
  { log, deduplication }: Omit<LoadedLog, "tables">,
  acts: readonly Act[],
  now: number,
): void {
  const refs = acts.map(([session, ref], index): StoredRef => [session, ref, log.head + 1 + index]);
  const entries = range(log.head + 1, log.head + Math.max(1, refs.length)).map((offset) => ({
    text: `{"type":"message","offset":${offset}}`,
    filtered: false,
  }));
  let isCompacted = (): void => undefined;
  log.append(entries, refs, log.timeAt(now), deduplication.keepAfter, () => {
    isCompacted = deduplication.compact(log.head + entries.length, now);
  });
  isCompacted();
  deduplication.remember(refs, now);
}

/** Performs this many acts of a session, 500 in a flush, with consecutive refs. */
export function fill(loaded: LoadedLog, session: string, count: number, now: number, firstRef = 1): void {
  for (let from = firstRef; from < firstRef + count; from += 500) {
    const last = Math.min(from + 500, firstRef + count) - 1;
    doActs(
      loaded,
      range(from, last).map((ref) => [session, ref]),
      now,
    );
  }
}

/** What is known of acts in memory, and after a load of the room. */
export function known(
  { deduplication }: LoadedLog,
  storage: DurableObjectStorage,
  acts: readonly Act[],
  now: number,
): Known[][] {
  return [deduplication, loadLog(storage, retentionOf(1)).deduplication].map((each) =>
    acts.map(([session, ref]) => each.find(session, ref, now)),
  );
}

/** The same result in memory and after a load of the room. */
export function twice<Value>(value: Value): Value[] {
  return [value, value];
}

/** What is known of an act that took effect at this offset. */
export function done(offset: number): Known {
  return { is: "done", offset };
}

/** What is known of an act whose ref is too old to decide. */
export const STALE: Known = { is: "stale" };

/** What is known of an act that has not taken effect. */
export const NEW: Known = { is: "new" };

/** The stored blocks of acts, oldest first. */
export function blocksIn(storage: DurableObjectStorage): { first: number; last: number; acts: number }[] {
  return storage.sql
    .exec<{ first: number; last: number; acts: number }>(
      "SELECT first, last, acts FROM act_block ORDER BY first",
    )
    .toArray();
}

/** The stored minimum refs, by session. */
export function floorsIn(storage: DurableObjectStorage): { session: string; ref: number }[] {
  return storage.sql
    .exec<{ session: string; ref: number }>("SELECT session, ref FROM floor ORDER BY session")
    .toArray();
}
