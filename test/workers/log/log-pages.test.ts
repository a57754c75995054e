import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFor, type Addressed } from "../../../src/protocol/messages.ts";
import type { Log } from "../../../src/room/log/log.ts";
import { SegmentCache } from "../../../src/room/log/segment-cache.ts";
import { retentionOf } from "../support/retention.ts";
import {
  historyOf,
  loadLog,
  NOW,
  offsetsAfter,
  pagesAfter,
  range,
  store,
  storeRows,
  withLog,
} from "../support/logs.ts";
import { inRoom, uniqueRoom } from "../support/rooms.ts";
import { viewerOf } from "../../support/viewer.ts";

/** The maximum size of the cache of newest rows, in characters and in rows. */
const TAIL = { chars: 2_097_152, rows: 4_096 };

interface Frame extends Addressed {
  readonly data: string;
}

const MEMBERS = ["ana", "bob", "cem"] as const;

const anyFrame = fc.record(
  {
    type: fc.constant("message" as const),
    from: fc.constantFrom(...MEMBERS),
    to: fc.subarray([...MEMBERS], { minLength: 1 }),
    data: fc.string({ unit: "binary", maxLength: 60 }),
  },
  { requiredKeys: ["type", "from", "data"] },
);

const anyFlush = fc.array(anyFrame, { minLength: 1, maxLength: 6 });

/** What may happen to a log between two reads. */
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ is: fc.constant("stored" as const), frames: anyFlush }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("refused" as const), frames: anyFlush }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("loaded" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant("read" as const),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      maxChars: fc.integer({ min: 1, max: 800 }),
      member: fc.option(fc.constantFrom(...MEMBERS), { nil: undefined }),
    }),
  },
);

const textOf = (frame: Frame, offset: number): string => JSON.stringify({ offset, time: NOW, ...frame });

function append(log: Log, frames: readonly Frame[], also: () => void): void {
  const entries = frames.map((frame, index) => ({
    text: textOf(frame, log.head + 1 + index),
    filtered: frame.to !== undefined,
  }));
  log.append(entries, [], NOW, Infinity, also);
}

describe("pages of the log", () => {
  it("[P4 A7 G4] pages contain exactly the rest of the log that a member may see, for any rows and any position", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), fc.constantFrom(7, 1_000), (steps, kept) =>
        inRoom(uniqueRoom(), ({ storage }) => {
          const limits = retentionOf(kept);
          let { log } = loadLog(storage, limits);
          log.open();
          const all: Frame[] = [];
          for (const step of [...steps, { is: "read" as const, from: 0, maxChars: 100, member: undefined }]) {
            if (step.is === "loaded") log = loadLog(storage, limits).log;
            else if (step.is === "refused") expectRefusal(log, step.frames);
            else if (step.is === "stored") {
              append(log, step.frames, () => undefined);
              all.push(...step.frames);
            } else {
              const trimmedTo = log.floor(NOW);
              const after = trimmedTo + Math.round((log.head - trimmedTo) * step.from);
              expectRest(log, all, after, step.maxChars, step.member);
            }
          }
          expect(log.head).toBe(all.length);
        }),
      ),
      { numRuns: 100 },
    );
  });

  function expectRefusal(log: Log, frames: readonly Frame[]): void {
    expect(() =>
      append(log, frames, () => {
        throw new Error("refused");
      }),
    ).toThrow("refused");
  }

  function expectRest(
    log: Log,
    all: readonly Frame[],
    after: number,
    maxChars: number,
    member?: string,
  ): void {
    const wanted = all
      .map((frame, index) => ({ frame, offset: index + 1 }))
      .filter(({ frame, offset }) => offset > after && isFor(frame, viewerOf(member)));
    const pages = pagesAfter(log, after, maxChars, member);
    expect(pages.flatMap(({ texts }) => texts)).toEqual(
      wanted.map(({ frame, offset }) => textOf(frame, offset)),
    );
    expect(pages.at(-1)?.last ?? after).toBe(log.head);
    for (const { texts, chars, last } of pages) {
      expect(chars <= maxChars || texts.length === 1).toBe(true);
      expect(last).toBeGreaterThanOrEqual(Math.max(0, ...offsetsOf(texts)));
    }
  }

  it("[P4] there is no page at the end of the log", async () => {
    const pages = await withLog(retentionOf(1_000), (log) => {
      const before = log.page(0, 65_536, viewerOf());
      storeRows(log, [3]);
      return [before, log.page(3, 65_536, viewerOf()), log.page(2, 65_536, viewerOf())?.last];
    });

    expect(pages).toEqual([undefined, undefined, 3]);
  });

  // Three messages of 29 characters, in rows of two and one. A comma separates rows, a comma and a tab separate
  // messages.
  it.each([
    [90, [[1, 2, 3]]],
    [89, [[1, 2], [3]]],
    [60, [[1, 2], [3]]],
    [58, [[1], [2], [3]]],
    [1, [[1], [2], [3]]],
  ])(
    "[L5 P4] pages have at most %i characters if that is the limit, unless they hold one message",
    async (maxChars, wanted) => {
      const reads = await withLog(retentionOf(1_000), (log, storage) => {
        storeRows(log, [2, 1]);
        return [log, loadLog(storage).log].map((each) => pagesAfter(each, 0, maxChars));
      });

      for (const pages of reads) expect(pages.map(({ offsets }) => offsets)).toEqual(wanted);
    },
  );
});

describe("the segment cache", () => {
  it("[G6] the cached rows never exceed their limits of count and size, for any sequence of sizes", () => {
    const cache = new SegmentCache();
    let first = 1;
    const add = (chars: number): number => {
      const body = "x".repeat(chars);
      cache.add({ ...{ first, last: first, at: NOW, start: 0, bytes: chars }, filtered: false, body });
      first++;
      return [...cache.from(0)].reduce((sum, segment) => sum + segment.body.length, 0);
    };

    for (const _ of range(1, TAIL.rows)) add(10);
    const rows = range(1, 10).map(() => (add(10), [...cache.from(0)].length));
    const sizes = [...Array<number>(12).fill(1_000_000), TAIL.chars + 1, TAIL.chars, 10].map(add);

    for (const count of rows) expect(count).toBeLessThanOrEqual(TAIL.rows);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(TAIL.chars);
    expect([...cache.from(0)].at(-1)?.first).toBe(first - 1);
  });

  /** Stores twice as much as the cache holds, in rows of one to three messages, with small rows between large ones. */
  function storeLarge(log: Log): void {
    while (log.head < 70) {
      for (const [size, chars] of [
        [2, 150_000],
        [1, 10],
        [1, 200_000],
        [3, 10],
      ] as const) {
        const offsets = range(log.head + 1, log.head + size);
        store(
          log,
          offsets.map((offset) => JSON.stringify({ offset, pad: "x".repeat(chars / size) })),
        );
      }
    }
  }

  it.each([
    ["in the log object that wrote the rows", (log: Log) => log],
    ["after a load", (_log: Log, storage: DurableObjectStorage) => loadLog(storage).log],
    [
      "after a load, when others have read later rows",
      (_log: Log, storage: DurableObjectStorage) => {
        const { log } = loadLog(storage);
        for (const after of [log.head - 1, log.head - 5, log.head - 12, 3]) offsetsAfter(log, after);
        return log;
      },
    ],
    [
      "after a load, while more rows are written",
      (_log: Log, storage: DurableObjectStorage) => {
        const { log } = loadLog(storage);
        offsetsAfter(log, log.head - 3);
        return log;
      },
    ],
  ])("[P4 G4] a read is complete if the log is larger than the cache: %s", async (how, load) => {
    const [head, reads] = await withLog(retentionOf(1_000), (written, storage) => {
      storeLarge(written);
      const log = load(written, storage);
      if (how.includes("more is written")) storeRows(log, Array(3).fill(2) as number[]);
      return [log.head, range(0, log.head).map((after) => offsetsAfter(log, after))] as const;
    });

    for (const [after, read] of reads.entries()) expect(read).toEqual(range(after + 1, head));
  });

  it.each([TAIL.rows - 1, TAIL.rows, TAIL.rows + 1, 2 * TAIL.rows])(
    "[P4 G4] a read that starts before the cache is complete in a log of %i rows",
    async (rows) => {
      const reads = await withLog(retentionOf(1_000_000), (log, storage) => {
        storeRows(log, Array(rows).fill(1) as number[]);
        const { log: loaded } = loadLog(storage);
        storeRows(loaded, [1]);
        const { log: extended } = loadLog(storage);
        offsetsAfter(extended, rows - 10);
        return [loaded, extended].flatMap((each) =>
          [0, 1, rows - TAIL.rows, rows / 2, rows - 1]
            .map((after) => Math.max(0, Math.floor(after)))
            .map((after) => {
              const offsets = offsetsAfter(each, after);
              return [offsets[0], offsets.at(-1), offsets.length + after];
            }),
        );
      });

      const starts = [0, 1, rows - TAIL.rows, rows / 2, rows - 1].map((after) =>
        Math.max(0, Math.floor(after)),
      );
      expect(reads).toEqual([...starts, ...starts].map((after) => [after + 1, rows + 1, rows + 1]));
    },
  );

  it("[G4] history that starts in the cache is the same in both directions", async () => {
    const pages = await withLog(retentionOf(1_000), (log, storage) => {
      storeRows(log, [3, 1, 4, 1, 5, 9, 2, 6]);
      const { log: loaded } = loadLog(storage);
      offsetsAfter(loaded, 20); // so that a part of it is in memory
      return range(2, 32).map((before) => {
        const messages = (each: Log, range_: object): unknown[] =>
          historyOf(each, { limit: 500, ...range_ }, NOW).messages.map(({ offset }) => offset);
        return [messages(loaded, { before }), messages(log, { after: 0, before })];
      });
    });

    for (const [index, [down, up]] of pages.entries()) {
      expect(down).toEqual(range(1, index + 1));
      expect(up).toEqual(down);
    }
  });
});

function offsetsOf(texts: readonly string[]): number[] {
  return texts.map((text) => (JSON.parse(text) as { offset: number }).offset);
}
