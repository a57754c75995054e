import { describe, expect, it } from "vitest";
import {
  BLOCK,
  DEDUPLICATION_WINDOW_ACTS,
  DEDUPLICATION_WINDOW_MS,
} from "../../../src/room/log/deduplication.ts";
import {
  doActs,
  done,
  fill,
  floorsIn,
  known,
  LATER,
  STALE,
  storeWithFloors,
  twice,
  withActs,
} from "../support/acts.ts";
import { retentionOf } from "../support/retention.ts";
import { loadLog, NOW, range } from "../support/logs.ts";

/** The minimum refs of this many forgotten acts are stored together: the acts of a block if rows hold 500 acts each. */
const BATCH = BLOCK.acts;

describe("minimum refs", () => {
  it("[A3 G3] minimum refs are stored for a thousand acts at a time, one row for each session", async () => {
    const counts = await withActs((loaded, storage) => {
      const sessions = range(1, 1_500).map((n) => `s${String(n).padStart(4, "0")}`);
      for (const session of sessions) doActs(loaded, [[session, 3]], NOW);
      fill(loaded, "t", DEDUPLICATION_WINDOW_ACTS - 502, NOW); // 10,998 in all
      const stored = (): unknown => [
        loaded.log.head,
        floorsIn(storage).length,
        loaded.deduplication.keepAfter,
      ];
      return [stored(), ...range(1, 5).map((n) => (doActs(loaded, [["u", n]], LATER), stored()))];
    });

    expect(counts).toEqual([
      [10_998, 0, 9_500],
      [10_999, 0, 9_500],
      [11_000, 0, 9_500],
      [11_001, 1_000, 9_500], // stored by the append that found a thousand
      [11_002, 1_000, 9_500],
      [11_003, 1_000, 9_500],
    ]);
  });

  it("[A3 G3] minimum refs are stored only when all acts of a block are forgotten, however many young acts follow", async () => {
    const stored = await withActs((loaded, storage) => {
      for (const n of range(0, 23)) fill(loaded, "s", 500, NOW + n * 1_000, n * 500 + 1);
      // when 500 acts each are forgotten
      const ends = range(0, 3).map((n) => NOW + n * 1_000 + DEDUPLICATION_WINDOW_MS + 1);
      return ends.map((now, n) => {
        doActs(loaded, [["s", 20_001 + n]], now);
        return floorsIn(storage);
      });
    });

    expect(stored).toEqual([[], [], [], [{ session: "s", ref: BATCH }]]);
  });

  it("[A3 G3] a loaded room stores minimum refs even if it looks up no act and records none", async () => {
    const found = await withActs((first, storage) => {
      fill(first, "s", DEDUPLICATION_WINDOW_ACTS + BATCH, NOW);
      const loaded = loadLog(storage, retentionOf(1));
      for (const _ of range(1, 5)) storeWithFloors(loaded, [], LATER);
      const refs = [1, BATCH, BATCH + 1, BATCH + DEDUPLICATION_WINDOW_ACTS].map((ref) => ["s", ref] as const);
      return [floorsIn(storage), known(loaded, storage, refs, LATER)];
    });

    const [last, edge] = [BATCH + DEDUPLICATION_WINDOW_ACTS, BATCH + 1];
    expect(found).toEqual([[{ session: "s", ref: BATCH }], twice([STALE, STALE, done(edge), done(last)])]);
  });

  it("[A3 G3] an act stored before the earlier acts were read is counted once", async () => {
    const found = await withActs((first, storage) => {
      fill(first, "s", DEDUPLICATION_WINDOW_ACTS - 1, NOW);
      const loaded = loadLog(storage, retentionOf(1));
      storeWithFloors(loaded, [["t", 1]], NOW);
      return known(
        loaded,
        storage,
        [
          ["s", 1],
          ["t", 1],
        ],
        LATER,
      );
    });

    expect(found).toEqual(twice([done(1), done(DEDUPLICATION_WINDOW_ACTS)]));
  });

  it("[A3 G3] minimum refs never decrease, even if a lower ref is forgotten after a higher one", async () => {
    const minimumRefs = await withActs((loaded, storage) => {
      fill(loaded, "s", BATCH, NOW, 500_001);
      fill(loaded, "s", BATCH, NOW, 1);
      fill(loaded, "t", DEDUPLICATION_WINDOW_ACTS - BATCH, NOW);
      return [1, 2].map((round) => {
        fill(loaded, "u", BATCH, LATER, round * BATCH);
        return [loaded.deduplication.keepAfter, floorsIn(storage)];
      });
    });

    const minimumRef = { session: "s", ref: 500_000 + BATCH };
    expect(minimumRefs).toEqual([
      [6 * BATCH, [minimumRef]],
      [7 * BATCH, [minimumRef]],
    ]);
  });

  it.each([
    ["the minimum refs cannot be stored", "BEFORE INSERT ON floor"],
    ["the messages cannot be stored", "BEFORE INSERT ON segment"],
    ["an old row cannot be removed", "BEFORE DELETE ON segment"],
    ["a block cannot be stored", "BEFORE INSERT ON act_block"],
    ["an old block cannot be removed", "BEFORE DELETE ON act_block"],
  ])("[A3 G2 G3] nothing is lost or forgotten too early if %s", async (_what, when) => {
    const outcome = await withActs((loaded, storage) => {
      fill(loaded, "s", DEDUPLICATION_WINDOW_ACTS + BATCH, NOW);
      const refs = [1, BATCH, BATCH + 3, DEDUPLICATION_WINDOW_ACTS + BATCH].map((ref) => ["s", ref] as const);
      storage.sql.exec(`CREATE TRIGGER stuck ${when} BEGIN SELECT RAISE(ABORT, 'stuck'); END`);
      let refusals = 0;
      for (const ref of range(20_001, 20_003)) {
        try {
          doActs(loaded, [["s", ref]], LATER);
        } catch {
          refusals++;
        }
      }
      const meanwhile = known(loaded, storage, refs, LATER);
      storage.sql.exec("DROP TRIGGER stuck");
      for (const ref of range(20_001, 20_003)) doActs(loaded, [["s", ref]], LATER);
      return {
        refusals,
        meanwhile,
        after: known(loaded, storage, refs, LATER),
        floors: floorsIn(storage),
      };
    });

    expect(outcome.refusals).toBeGreaterThan(0);
    expect(outcome.meanwhile.at(0)?.slice(0, 2)).toEqual([STALE, STALE]);
    expect(outcome.meanwhile[1]).toEqual(outcome.meanwhile[0]);
    expect(outcome.after).toEqual(twice([STALE, STALE, STALE, done(DEDUPLICATION_WINDOW_ACTS + BATCH)]));
    expect(outcome.floors).toEqual([{ session: "s", ref: BATCH }]);
  });

  it("[A3 G2 G3] a minimum ref is stored again if its append failed after storing it", async () => {
    const found = await withActs((loaded, storage) => {
      fill(loaded, "s", BATCH, NOW);
      for (const n of range(1, BATCH)) doActs(loaded, [[`t${n}`, 7]], NOW + 1);
      fill(loaded, "u", DEDUPLICATION_WINDOW_ACTS, NOW + 2);
      const [first, second] = [NOW + DEDUPLICATION_WINDOW_MS + 1, NOW + DEDUPLICATION_WINDOW_MS + 2];
      doActs(loaded, [["v", 1]], first);
      const before = floorsIn(storage).length;
      // The append that stores the minimum refs of the second thousand also removes the rows of the first.
      storage.sql.exec(
        "CREATE TRIGGER stuck BEFORE DELETE ON segment BEGIN SELECT RAISE(ABORT, 'stuck'); END",
      );
      expect(() => doActs(loaded, [["v", 2]], second)).toThrow("stuck");
      storage.sql.exec("DROP TRIGGER stuck");
      const meanwhile = known(loaded, storage, [["t1", 7]], second);
      for (const n of range(3, 500)) doActs(loaded, [["v", n]], second);
      return {
        before,
        meanwhile,
        after: floorsIn(storage).length,
        last: known(loaded, storage, [["t9", 7]], second),
      };
    });

    const isStale = twice([STALE]);
    expect(found).toEqual({ before: 1, meanwhile: isStale, after: BATCH + 1, last: isStale });
  });
});
