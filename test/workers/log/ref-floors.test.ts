import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEDUPLICATION_MAX_ACTS,
  DEDUPLICATION_WINDOW_ACTS,
  DEDUPLICATION_WINDOW_MS,
  type Known,
} from "../../../src/room/log/deduplication.ts";
import {
  doActs,
  done,
  fill,
  known,
  LATER,
  NEW,
  STALE,
  storeWithFloors,
  twice,
  withActs,
} from "../support/acts.ts";
import { retentionOf } from "../support/retention.ts";
import { loadLog, NOW, range, rowsIn } from "../support/logs.ts";

/** The minimum refs of this many forgotten acts are stored together. */
const BATCH = 1_000;

describe("a forgotten act", () => {
  it("[A3 G3] refs up to a forgotten one are stale, used or not, and higher refs are still a set", async () => {
    const found = await withActs((loaded, storage) => {
      for (const tens of [10, 30, 20]) doActs(loaded, [["s", tens]], NOW);
      fill(loaded, "t", DEDUPLICATION_WINDOW_ACTS - 3, NOW);
      doActs(loaded, [["s", 25]], LATER - 1); // late, lower than 30, and new
      const refs = [5, 10, 20, 25, 29, 30, 31].map((ref) => ["s", ref] as const);
      const before = known(loaded, storage, refs, LATER - 1);
      doActs(loaded, [["t", 1_000_000]], LATER);
      return [before, known(loaded, storage, refs, LATER)];
    });

    // They were stored in the order 10, 30, 20: first 10 is forgotten, then 30.
    expect(found).toEqual([
      twice([STALE, STALE, done(3), done(DEDUPLICATION_WINDOW_ACTS + 1), NEW, done(2), NEW]),
      twice([STALE, STALE, done(3), done(DEDUPLICATION_WINDOW_ACTS + 1), STALE, STALE, NEW]),
    ]);
  });

  it("[A3 F5] forgotten acts of a session do not affect the refs of another session", async () => {
    const found = await withActs((loaded, storage) => {
      fill(loaded, "s", 2_000, NOW);
      doActs(loaded, [["t", 7]], NOW);
      fill(loaded, "u", DEDUPLICATION_WINDOW_ACTS, NOW);
      const refs = [
        ["s", 2_000],
        ["s", 2_001],
        ["t", 7],
        ["t", 8],
        ["u", 1],
        ["v", 1],
      ] as const;
      return known(loaded, storage, refs, LATER);
    });

    expect(found).toEqual(twice([STALE, NEW, STALE, NEW, done(2_002), NEW]));
  });

  it("[A3 G3 G6] a forgotten act stays stale when its row is gone, and its offset is not reused", async () => {
    const found = await withActs((loaded, storage) => {
      fill(loaded, "s", DEDUPLICATION_WINDOW_ACTS + 2 * BATCH, NOW);
      for (const ref of range(20_001, 20_010)) doActs(loaded, [["s", ref]], LATER);
      const refs = range(1, 2_010).map((ref) => ["s", ref] as const);
      return {
        oldest: rowsIn(storage)[0],
        head: loaded.log.head,
        known: known(loaded, storage, refs, LATER),
      };
    });

    // All acts in rows of 500 are in stored blocks. Their rows are gone, and the minimum ref of the first block is
    // stored.
    expect(found.oldest).toEqual({ first: 12_001, last: 12_001 });
    expect(found.head).toBe(DEDUPLICATION_WINDOW_ACTS + 2 * BATCH + 10);
    expect(found.known).toEqual(twice(Array<Known>(2_010).fill(STALE)));
  });

  it("[A3 G3] only the last 100,000 acts are remembered, however young, and earlier ones are stale", async () => {
    const found = await withActs((loaded, storage) => {
      fill(loaded, "s", DEDUPLICATION_MAX_ACTS, NOW);
      const refs = [1, 2, DEDUPLICATION_MAX_ACTS, DEDUPLICATION_MAX_ACTS + 1].map(
        (ref) => ["s", ref] as const,
      );
      const full = known(loaded, storage, refs, NOW + 1);
      doActs(loaded, [["t", 1]], NOW + 1);
      return [full, known(loaded, storage, refs, NOW + 1)];
    });

    expect(found).toEqual([
      twice([done(1), done(2), done(DEDUPLICATION_MAX_ACTS), NEW]),
      twice([STALE, done(2), done(DEDUPLICATION_MAX_ACTS), NEW]),
    ]);
  });

  it(
    "[A3 G3 G6] what is known of an act depends only on the rule, not on timing or on loads of the room",
    { timeout: 60_000 },
    async () => {
      const anyFlush = fc.record({
        acts: fc.array(
          fc.record({ session: fc.constantFrom("s", "t", "u"), ahead: fc.integer({ min: -40, max: 9 }) }),
          { minLength: 1, maxLength: 10 },
        ),
        times: fc.integer({ min: 1, max: 60 }),
        waitMs: fc.constantFrom(0, 0, 1, 10_000, 120_000),
        rowsOfNoAct: fc.constantFrom(0, 0, 0, 0, 1, 60, 250),
        isLoaded: fc.boolean(),
      });

      await fc.assert(
        fc.asyncProperty(fc.array(anyFlush, { minLength: 60, maxLength: 120 }), (flushes) =>
          withActs((first, storage) => {
            let loaded = first;
            let now = NOW;
            const highest = new Map([["s", 0]]);
            const acts: { session: string; ref: number; offset: number; at: number }[] = [];
            for (const { acts: some, times, waitMs, rowsOfNoAct, isLoaded } of flushes) {
              now += waitMs;
              if (isLoaded) loaded = loadLog(storage, retentionOf(1));
              for (const _ of range(1, rowsOfNoAct)) storeWithFloors(loaded, [], now);
              const wanted = new Map<string, readonly [string, number]>();
              for (const { session, ahead } of Array<typeof some>(times).fill(some).flat()) {
                const ref = Math.max(1, (highest.get(session) ?? 0) + ahead);
                highest.set(session, Math.max(ref, highest.get(session) ?? 0));
                wanted.set(`${session} ${ref}`, [session, ref]);
              }
              let offset = loaded.log.head;
              for (const [index, { is }] of doActs(loaded, [...wanted.values()], now).entries()) {
                const [session, ref] = [...wanted.values()][index] ?? ["", 0];
                if (is === "new") acts.push({ session, ref, offset: ++offset, at: now });
              }
            }
            const oldest = Math.max(0, acts.length - DEDUPLICATION_WINDOW_ACTS);
            const kept = (index: number): boolean =>
              index >= oldest || (acts[index]?.at ?? 0) >= now - DEDUPLICATION_WINDOW_MS;
            for (const each of [loaded, loadLog(storage, retentionOf(1))]) {
              const minimumRefs = new Map<string, number>();
              const used = new Map<string, number>();
              for (const [index, { session, ref, offset }] of acts.entries()) {
                if (kept(index)) used.set(`${session} ${ref}`, offset);
                else minimumRefs.set(session, Math.max(ref, minimumRefs.get(session) ?? 0));
              }
              for (const session of ["s", "t", "u", "v"]) {
                for (const ref of range(1, (highest.get(session) ?? 0) + 2)) {
                  const offset = used.get(`${session} ${ref}`);
                  const isPast = ref <= (minimumRefs.get(session) ?? 0);
                  const rule = offset !== undefined ? done(offset) : isPast ? STALE : NEW;
                  expect({ session, ref, ...each.deduplication.find(session, ref, now) }).toEqual({
                    session,
                    ref,
                    ...rule,
                  });
                }
              }
            }
          }),
        ),
        { numRuns: 6 },
      );
    },
  );
});
