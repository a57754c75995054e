import { describe, expect, it } from "vitest";
import { Log } from "../../../src/room/log/log.ts";
import { MemorySegments } from "../../../src/room/log/memory-segments.ts";
import type { Mark } from "../../../src/room/log/segment-store.ts";
import { kinds } from "../../../src/rooms.ts";
import { retentionOf } from "../support/retention.ts";
import {
  historyOf,
  loadLog,
  NOW,
  offsetsAfter,
  pagesAfter,
  range,
  rowsIn,
  store,
  storeRows,
  withLog,
} from "../support/logs.ts";
import { evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

describe("resuming within the retention", () => {
  it("[P5 G4] a position is recovered if its next message was kept, and not if it was just trimmed", async () => {
    const [kept, trimmed, messages] = await withLog(retentionOf(10), (log) => {
      storeRows(log, Array(25).fill(1) as number[]);
      const epoch = log.open();
      return [log.resume(`${epoch}:15`, NOW), log.resume(`${epoch}:14`, NOW), offsetsAfter(log, 15)];
    });

    expect(kept).toEqual({ recovered: true, offset: 15 });
    expect(trimmed).toEqual({ recovered: false, offset: 25, reason: "trimmed" });
    expect(messages).toEqual(range(16, 25));
  });

  it("[P5 G4] recovery is the same for rows of many messages and after a load", async () => {
    const answers = await withLog(retentionOf(10), (log, storage) => {
      storeRows(log, [7, 7, 7, 4]);
      const loaded = loadLog(storage, retentionOf(10)).log;
      return [log, loaded].map((each) => [
        each.resume(`${each.open()}:15`, NOW).recovered,
        each.resume(`${each.open()}:14`, NOW).recovered,
        offsetsAfter(each, 15),
      ]);
    });

    for (const answer of answers) expect(answer).toEqual([true, false, range(16, 25)]);
  });

  it("[J6] rewind reaches back only to the oldest kept message", async () => {
    const starts = await withLog(retentionOf(10), (log) => {
      storeRows(log, Array(25).fill(1) as number[]);
      return [log.rewind(1, NOW), log.rewind(10, NOW), log.rewind(11, NOW), log.rewind(999_999_999, NOW)];
    });

    expect(starts).toEqual([24, 15, 15, 15]);
  });

  it("[P5 W3] a client at a trimmed position gets reason trimmed, no replay, and the head as its position", async () => {
    const room = uniqueRoom("game");
    const kept = kinds.game.historyMaxMessages ?? 0;
    const ana = await join(room);
    await inRoom(room, ({ storage }) => {
      const log = loadLog(storage, retentionOf(kept)).log;
      storeRows(log, Array(10).fill(101) as number[]);
    });
    await evict(room);
    const at = (offset: number): string => `${ana.position.split(":")[0]}:${offset}`;

    const late = await join(room, { after: at(9) });
    const inTime = await join(room, { after: at(10) });
    await inTime.inbox.take("position");

    expect(await late.welcome()).toMatchObject({
      recovered: false,
      reason: "trimmed",
      position: at(1010),
      head: at(1010),
    });
    expect(late.inbox.all.filter(({ type }) => type === "message")).toEqual([]);
    expect(await inTime.welcome()).toMatchObject({ recovered: true });
    expect(inTime.inbox.messages).toHaveLength(kept);
    expect(inTime.inbox.messages[0]).toMatchObject({ offset: 11 });
  });
});

describe("trimming", () => {
  it("[P2 G1] trimming removes whole rows, and offsets continue", async () => {
    const rows = await withLog(retentionOf(10), (log, storage) => {
      storeRows(log, [7, 7, 7, 4]);
      return rowsIn(storage);
    });

    expect(rows).toEqual([
      { first: 15, last: 21 },
      { first: 22, last: 25 },
    ]);
  });

  it("[G6] the log exceeds its retention by at most one row", async () => {
    const rows = await withLog(retentionOf(10), (log, storage) => {
      storeRows(log, Array(500).fill(1) as number[]);
      return rowsIn(storage).length;
    });

    expect(rows).toBeLessThanOrEqual(11);
  });

  it("[G6] a lowered retention takes effect a few rows at a time", async () => {
    const counts = await withLog(retentionOf(100), (log, storage) => {
      storeRows(log, Array(100).fill(1) as number[]);
      const lowered = loadLog(storage, retentionOf(10)).log;
      return range(1, 40).map(() => {
        storeRows(lowered, [1]);
        return rowsIn(storage).length;
      });
    });

    for (const [index, count] of counts.entries())
      expect((counts[index - 1] ?? 100) - count).toBeLessThanOrEqual(3);
    expect(counts.at(-1)).toBe(10);
  });

  it("[A3 G3] rows whose acts must be remembered stay, but are not replayed", async () => {
    const [rows, resumed] = await withLog(retentionOf(3), (log, storage) => {
      storeRows(log, Array(20).fill(1) as number[], { keepAfter: 8 });
      return [rowsIn(storage), log.resume(`${log.open()}:16`, NOW)];
    });

    expect(rows[0]).toEqual({ first: 9, last: 9 });
    expect(resumed).toMatchObject({ recovered: false, reason: "trimmed" });
  });

  it("[G2 G1] a failed append leaves the log and the offsets unchanged", async () => {
    const outcome = await withLog(retentionOf(3), (log, storage) => {
      storeRows(log, [1, 1, 1, 1]);
      const before = rowsIn(storage);
      storage.sql.exec("CREATE TRIGGER stuck BEFORE DELETE ON segment BEGIN SELECT RAISE(ABORT, 'no'); END");
      let error = "";
      try {
        storeRows(log, [1]);
      } catch (thrown) {
        error = String(thrown);
      }
      const after = rowsIn(storage);
      const { head } = log;
      storage.sql.exec("DROP TRIGGER stuck");
      storeRows(log, [1]);
      return { error, before, after, head, offsets: offsetsAfter(log, 2) };
    });

    expect(outcome.error).toContain("no");
    expect(outcome.after).toEqual(outcome.before);
    expect(outcome.head).toBe(4);
    expect(outcome.offsets).toEqual([3, 4, 5]);
  });
});

describe("rows and pages", () => {
  it("[P4] a row stays under 1 MiB, even with wide characters", async () => {
    const sizes = await withLog(retentionOf(1_000), (log, storage) => {
      const text = JSON.stringify("中".repeat(99_000)); // 297,002 bytes
      store(log, Array(10).fill(text) as string[], { refs: [["s", 1, 4]] });
      return storage.sql
        .exec<{ first: number; last: number; size: number; refs: string }>(
          "SELECT first, last, length(CAST(body AS BLOB)) AS size, refs FROM segment ORDER BY first",
        )
        .toArray();
    });

    expect(sizes.map(({ first, last }) => [first, last])).toEqual([
      [1, 3],
      [4, 6],
      [7, 9],
      [10, 10],
    ]);
    for (const { size } of sizes) expect(size).toBeLessThan(1_048_576);
    expect(sizes.map(({ refs }) => refs)).toEqual(["[]", '[["s",1,4]]', "[]", "[]"]);
  });

  it("[P4 G4] a read from any position returns exactly the rest, for any rows", async () => {
    const reads = await withLog(retentionOf(1_000), (log) => {
      storeRows(log, [1, 5, 2, 1, 9, 3]);
      return range(0, 21).map((after) => offsetsAfter(log, after));
    });

    for (const [after, read] of reads.entries()) expect(read).toEqual(range(after + 1, 21));
  });

  it("[P4 S1] the pages of a read are consecutive, and each has its last offset", async () => {
    const pages = await withLog(retentionOf(1_000), (log) => {
      const texts = range(1, 30).map((offset) => JSON.stringify({ offset, pad: "x".repeat(30_000) }));
      for (const text of texts) store(log, [text]);
      return pagesAfter(log, 3, 262_144);
    });

    expect(pages.length).toBeGreaterThan(2);
    expect(pages.flatMap((page) => page.offsets)).toEqual(range(4, 30));
    for (const page of pages) {
      expect(page.last).toBe(page.offsets.at(-1));
      expect(page.chars).toBeLessThanOrEqual(262_144);
    }
  });
});

describe("the retention by bytes and age", () => {
  /** Appends one message of this many bytes, at a time. */
  function appendOne(log: Log, bytes: number, at: number, keepAfter = Infinity): void {
    const frame = `{"type":"message","offset":${log.head + 1},"data":""}`;
    store(log, [frame.replace('""', `"${"x".repeat(bytes - frame.length - 1)}"`)], { at, keepAfter });
  }

  it("[P5 G4] exactly the newest messages within historyMaxBytes are kept", async () => {
    const [kept, trimmed, rows] = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxBytes: 1_000 })).log;
      for (let n = 0; n < 8; n++) appendOne(log, 250, NOW);
      const epoch = log.open();
      return [log.resume(`${epoch}:4`, NOW), log.resume(`${epoch}:3`, NOW), rowsIn(storage).length];
    });

    expect(kept).toEqual({ recovered: true, offset: 4 });
    expect(trimmed).toEqual({ recovered: false, offset: 8, reason: "trimmed" });
    expect(rows).toBe(4);
  });

  it("[P5 G4] one message larger than the whole limit is kept while it is the newest", async () => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxBytes: 1_000 })).log;
      appendOne(log, 100, NOW);
      appendOne(log, 999, NOW);
      const huge = offsetsAfter(log, 1);
      const before = log.resume(`${log.open()}:0`, NOW).recovered;
      appendOne(log, 100, NOW);
      return [
        huge,
        before,
        log.resume(`${log.open()}:1`, NOW).recovered,
        log.resume(`${log.open()}:2`, NOW).recovered,
      ];
    });

    expect(answers).toEqual([[2], false, false, true]);
  });

  it("[P5 G4] a message is kept for exactly historyMaxAgeMs, even if nobody writes", async () => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const limits = retentionOf(1_000, { historyMaxAgeMs: 60_000 });
      const log = loadLog(storage, limits).log;
      appendOne(log, 100, NOW);
      appendOne(log, 100, NOW + 1);
      const [inTime, late] = [NOW + 60_000, NOW + 60_001];
      const at = (each: Log, now: number) => each.resume(`${each.open()}:0`, now).recovered;
      const fresh = loadLog(storage, limits).log;
      return [
        at(log, inTime),
        at(log, late),
        at(fresh, inTime),
        at(fresh, late),
        historyOf(fresh, { limit: 9 }, late + 1),
      ];
    });

    expect(answers).toEqual([true, false, true, false, { messages: [], more: false }]);
  });

  it("[P5 P2 G1] offsets continue after everything has expired, and a member at the end has missed nothing", async () => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxAgeMs: 60_000 })).log;
      for (let n = 0; n < 3; n++) appendOne(log, 100, NOW);
      const later = NOW + 3_600_000;
      const atEnd = log.resume(`${log.open()}:3`, later);
      appendOne(log, 100, later);
      return [atEnd, log.head, offsetsAfter(log, 3), rowsIn(storage)];
    });

    expect(answers).toEqual([{ recovered: true, offset: 3 }, 4, [4], [{ first: 4, last: 4 }]]);
  });

  it.each([
    ["while younger messages exist", [0, 50_000], 60_001],
    ["when it was the last message", [0], 60_001],
    ["when there were many messages", range(0, 99), 60_100],
  ])("[P5 G6] a clock that is set back does not restore expired messages: %s", async (_when, times, late) => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxAgeMs: 60_000 })).log;
      for (const ms of times) appendOne(log, 100, NOW + ms);
      const at = (now: number) => log.resume(`${log.open()}:0`, now).recovered;
      return [at(NOW + late), at(NOW)];
    });

    expect(answers).toEqual([false, false]);
  });

  it("[P5 G11] expired rows that must stay for their acts are not read again and again", async () => {
    const marks: number[] = [];
    class CountedSegments extends MemorySegments {
      override markFrom(offset: number): Mark | undefined {
        marks.push(offset);
        return super.markFrom(offset);
      }

      override markAt(offset: number): Mark | undefined {
        marks.push(offset);
        return super.markAt(offset);
      }
    }
    const log = new Log(new CountedSegments(), retentionOf(100_000, { historyMaxAgeMs: 60_000 }));
    for (const ms of range(1, 10_000)) appendOne(log, 100, NOW + ms, 0);

    const found = [5_000, 5_001, 5_003, 10_000, 10_000].map((ms) => {
      marks.length = 0;
      return [log.floor(NOW + 60_001 + ms), marks.length];
    });

    expect(found.map(([trimmedTo]) => trimmedTo)).toEqual([5_000, 5_001, 5_003, 10_000, 10_000]);
    for (const [, reads] of found) expect(reads).toBeLessThan(25);
  });

  it("[G2 G6] an append that fails while it trims removes nothing", async () => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxBytes: 1_000 })).log;
      for (let n = 0; n < 4; n++) appendOne(log, 250, NOW);
      storage.sql.exec(
        "CREATE TRIGGER stuck BEFORE DELETE ON segment BEGIN SELECT RAISE(ABORT, 'stuck'); END",
      );
      expect(() => appendOne(log, 900, NOW)).toThrow("stuck");
      return [log.resume(`${log.open()}:0`, NOW), log.head, offsetsAfter(log, 0), rowsIn(storage).length];
    });

    expect(answers).toEqual([{ recovered: true, offset: 0 }, 4, [1, 2, 3, 4], 4]);
  });

  it("[G2 G6] an append that fails does not change what is kept", async () => {
    const answers = await inRoom(uniqueRoom(), ({ storage }) => {
      const log = loadLog(storage, retentionOf(1_000, { historyMaxBytes: 1_000 })).log;
      for (let n = 0; n < 4; n++) appendOne(log, 250, NOW);
      storage.sql.exec(
        "CREATE TRIGGER full AFTER INSERT ON segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      );
      expect(() => appendOne(log, 900, NOW)).toThrow("disk full");
      const recovered = log.resume(`${log.open()}:0`, NOW);
      storage.sql.exec("DROP TRIGGER full");
      return [recovered, log.head, offsetsAfter(log, 0)];
    });

    expect(answers).toEqual([{ recovered: true, offset: 0 }, 4, [1, 2, 3, 4]]);
  });
});
