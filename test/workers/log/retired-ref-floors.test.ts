import { describe, expect, it } from "vitest";
import {
  REF_FLOOR_KEPT_OFFSETS,
  MemoryRefFloors,
  SqlRefFloors,
  type RefFloors,
} from "../../../src/room/log/ref-floors.ts";
import { DEDUPLICATION_WINDOW_ACTS, DEDUPLICATION_WINDOW_MS } from "../../../src/room/log/deduplication.ts";
import { Tables } from "../../../src/room/tables.ts";
import { doActs, done, fill, floorsIn, known, LATER, NEW, STALE, twice, withActs } from "../support/acts.ts";
import { retentionOf } from "../support/retention.ts";
import { loadLog, NOW, range, type LoadedLog } from "../support/logs.ts";
import { crash, evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { post } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

/** The end of the log when all acts behind the first minimum refs of the tests are forgotten. */
const START = 1_000;

/** The number of sessions whose minimum refs are raised in each 10,000 offsets. */
const PER_STEP = 2_000;

/** The end of the log when a minimum ref that was raised at `START` is no longer kept. */
const KEPT_UNTIL = START + REF_FLOOR_KEPT_OFFSETS;

/** Runs code on both kinds of `RefFloors`, each in an unused room in which some sessions are members. */
function onBoth(
  present: readonly string[],
  work: (refFloors: RefFloors, count: () => number) => void | Promise<void>,
): Promise<void> {
  return inRoom(uniqueRoom(), async ({ storage }) => {
    const tables = new Tables(storage);
    tables.create();
    await work(new SqlRefFloors(tables, () => new Set(present)), () => floorsIn(storage).length);
    await work(new MemoryRefFloors(() => new Set(present)), () => 0);
  });
}

/**
 * Adds enough acts that earlier acts are forgotten for as long as a minimum ref is kept, and all minimum refs are
 * stored.
 */
function outlast(loaded: LoadedLog, now: number): void {
  const forgets = now + 2 * DEDUPLICATION_WINDOW_MS;
  fill(loaded, "t", DEDUPLICATION_WINDOW_ACTS + 2_000, now);
  fill(loaded, "t", DEDUPLICATION_WINDOW_ACTS + REF_FLOOR_KEPT_OFFSETS + 5_000, forgets, 1_000_000);
  // each stores some minimum refs
  for (const n of range(1, 150)) doActs(loaded, [["u", n]], forgets + 2 * DEDUPLICATION_WINDOW_MS);
}

/** Raises the minimum ref of one session. */
function raise(refFloors: RefFloors, session: string, ref: number, upTo: number, head = upTo): void {
  refFloors.raise(new Map([[session, ref]]), { upTo, head });
}

describe("the minimum ref of a session that has left", () => {
  it("[A3 G3] the minimum ref of a session that has left is its own for 100,000 offsets, and never lower after that", async () => {
    await onBoth([], (refFloors) => {
      raise(refFloors, "s", 7, START);
      raise(refFloors, "t", 3, KEPT_UNTIL - 1);
      expect([refFloors.of("s"), refFloors.of("t")]).toEqual([7, 3]);

      raise(refFloors, "t", 4, KEPT_UNTIL);
      expect(refFloors.of("s")).toBeGreaterThanOrEqual(7);

      for (const n of range(2, 200)) raise(refFloors, `other-${n}`, n, n * REF_FLOOR_KEPT_OFFSETS);
      expect(refFloors.of("s")).toBeGreaterThanOrEqual(7);
    });
  });

  it("[A3 G3] a session keeps its own minimum ref while it is a member of the room", async () => {
    await onBoth(["s"], (refFloors) => {
      raise(refFloors, "s", 7, START);
      raise(refFloors, "away", 9, START);
      for (const n of range(1, 50)) raise(refFloors, `other-${n}`, 1_000, n * REF_FLOOR_KEPT_OFFSETS);

      expect(refFloors.of("s")).toBe(7);
    });
  });

  it("[A3 G3] a minimum ref is shared only after everything that the log held when it was raised is forgotten", async () => {
    await onBoth([], (refFloors) => {
      // A lower ref of the session, stored before its minimum ref was raised, may be forgotten much later.
      raise(refFloors, "s", 100, START, KEPT_UNTIL);
      raise(refFloors, "t", 1, KEPT_UNTIL + START - 1, KEPT_UNTIL + START);
      raise(refFloors, "s", 50, KEPT_UNTIL + START, KEPT_UNTIL + START);

      expect(refFloors.of("s")).toBe(100);
    });
  });

  it("[A3 G3] the shared minimum ref of 20,000 sessions is below none of their refs, and no new session is mistaken for one", async () => {
    await onBoth([], (refFloors) => {
      const refOf = (n: number): number => (n * 7_919) % 100_003;
      const sessions = range(1, 20_000);
      for (const from of range(0, 19).map((n) => n * 1_000)) {
        const some = sessions.slice(from, from + 1_000).map((n) => [`s${n}`, refOf(n)] as const);
        refFloors.raise(new Map(some), { upTo: START + from, head: START + from });
      }
      for (const n of range(1, 60)) {
        const others = range(1, 1_000).map((m) => [`o${m}`, 1] as const);
        refFloors.raise(new Map(others), { upTo: KEPT_UNTIL * 2 + n, head: KEPT_UNTIL * 2 + n });
      }

      expect(sessions.filter((n) => refFloors.of(`s${n}`) < refOf(n))).toEqual([]);
      expect(sessions.filter((n) => refFloors.of(`new${n}`) !== 0)).toEqual([]);
    });
  });

  it("[A3 G3] one very high ref raises the shared minimum ref of only a few sessions", async () => {
    await onBoth([], (refFloors) => {
      refFloors.raise(new Map(range(1, 1_000).map((n) => [`s${n}`, n])), { upTo: START, head: START });
      raise(refFloors, "hostile", Number.MAX_SAFE_INTEGER, START);
      for (const n of range(1, 100)) raise(refFloors, "t", n, KEPT_UNTIL + n);

      expect(refFloors.of("hostile")).toBe(Number.MAX_SAFE_INTEGER);
      expect(range(1, 1_000).filter((n) => refFloors.of(`s${n}`) > 1_000).length).toBeLessThan(10);
    });
  });
});

describe("stored minimum refs", () => {
  it("[A3 G3] stored minimum refs are bounded, however many sessions and idempotency keys a room has seen", async () => {
    const counts = await inRoom(uniqueRoom(), ({ storage }) => {
      const tables = new Tables(storage);
      tables.create();
      const refFloors = new SqlRefFloors(tables, () => new Set());
      return range(1, 40).map((n) => {
        const offset = n * 10_000;
        const refs = range(1, PER_STEP).map((m) => [`${n}-${m}`, m] as const);
        refFloors.raise(new Map(refs), { upTo: offset, head: offset });
        return storage.sql.exec<{ count: number }>("SELECT count(*) AS count FROM floor").one().count;
      });
    });

    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * (REF_FLOOR_KEPT_OFFSETS / 10_000 + 1) * PER_STEP);
  });

  it("[A3 G2 G3] stored minimum refs are unchanged if the append that would retire them fails", async () => {
    await inRoom(uniqueRoom(), ({ storage }) => {
      const tables = new Tables(storage);
      tables.create();
      const refFloors = new SqlRefFloors(tables, () => new Set());
      raise(refFloors, "s", 7, START);
      storage.sql.exec("CREATE TRIGGER stuck BEFORE DELETE ON floor BEGIN SELECT RAISE(ABORT, 'stuck'); END");

      expect(() => storage.transactionSync(() => raise(refFloors, "t", 1, KEPT_UNTIL))).toThrow("stuck");
      expect([refFloors.of("s"), refFloors.of("t"), refFloors.of("new")]).toEqual([7, 0, 0]);
      storage.sql.exec("DROP TRIGGER stuck");
      storage.transactionSync(() => raise(refFloors, "t", 1, KEPT_UNTIL));

      expect(floorsIn(storage)).toEqual([{ session: "t", ref: 1 }]);
      expect(refFloors.of("s")).toBeGreaterThanOrEqual(7);
    });
  });
});

describe("an act of a session that was away for a long time", () => {
  it("[A3 G3 G6] an act of a session that was away for a long time is never stored again, and a higher ref is new", async () => {
    const found = await withActs((loaded, storage) => {
      doActs(loaded, [["s", 5]], NOW);
      doActs(loaded, [["here", 5]], NOW);
      outlast(loaded, NOW);
      const acts = [
        ["s", 4],
        ["s", 5],
        ["s", 6],
        ["new", 1],
      ] as const;
      const before = known(loaded, storage, acts, LATER);
      doActs(loaded, [["s", 6]], LATER);
      return {
        before,
        after: known(loaded, storage, acts, LATER),
        floors: floorsIn(storage),
        head: loaded.log.head,
      };
    });

    expect(found.floors.map(({ session }) => session)).toEqual(["t"]);
    expect(found.before).toEqual(twice([STALE, STALE, NEW, NEW]));
    expect(found.after).toEqual(twice([STALE, STALE, done(found.head), NEW]));
  });

  it("[A3 G3] a session that is a member may continue with its refs", async () => {
    const found = await withActs((_loaded, storage) => {
      const loaded = loadLog(storage, retentionOf(1), new Set(["s"]));
      doActs(loaded, [["s", 5]], NOW);
      outlast(loaded, NOW);
      return [floorsIn(storage).map(({ session }) => session), loaded.deduplication.find("s", 6, LATER)];
    });

    expect(found).toEqual([["s", "t"], NEW]);
  });

  it.each([
    ["while the room sleeps", evict],
    ["through a crash", crash],
  ])(
    "[A3 G3 G6 H8] an old act of a session that was away is stale_ref over any transport, with a ref or a key, %s",
    async (_what, fail) => {
      const room = uniqueRoom();
      const [ana, bob] = [await join(room), await join(room)];
      const keyed = { "Idempotency-Key": "one" };
      await ana.publish("e", 1, { ref: 5 });
      await bob.publish("e", 1, { ref: 5 });
      expect(await post(room, ana, { type: "publish", event: "e" }, keyed)).toMatchObject({ status: 200 });
      ana.close(1000);
      await ana.closed;
      await fail(room);
      await inRoom(room, ({ storage }) => {
        const loaded = loadLog(storage, retentionOf(1_000), new Set([bob.session]));
        outlast(loaded, Date.now());
        expect(
          floorsIn(storage)
            .map(({ session }) => session)
            .toSorted(),
        ).toEqual([bob.session, "t"].toSorted());
      });
      await fail(room);

      const [again, back] = [await rejoin(room, ana), await rejoin(room, bob)];

      expect(await again.publish("e", 1, { ref: 5 })).toMatchObject({ code: "stale_ref" });
      expect(await post(room, ana, { type: "publish", ref: 5, event: "e" })).toMatchObject({ status: 409 });
      expect(await post(room, ana, { type: "publish", event: "e" }, keyed)).toMatchObject({
        status: 409,
        body: { code: "stale_ref" },
      });
      expect(await again.publish("e", 1, { ref: 6 })).toMatchObject({ type: "ack" });
      expect(await back.publish("e", 1, { ref: 5 })).toMatchObject({ code: "stale_ref" });
      expect(await back.publish("e", 1, { ref: 6 })).toMatchObject({ type: "ack" });
      expect(await (await join(room)).publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack" });
    },
  );
});
