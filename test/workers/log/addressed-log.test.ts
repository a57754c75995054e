import { describe, expect, it } from "vitest";
import type { Viewer } from "../../../src/protocol/messages.ts";
import { SCAN_CHARS } from "../../../src/room/log/history-pages.ts";
import type { Log } from "../../../src/room/log/log.ts";
import { retentionOf } from "../support/retention.ts";
import { historyOf, loadLog, NOW, pagesAfter, range, withLog, type ReadHistory } from "../support/logs.ts";
import { viewerOf } from "../../support/viewer.ts";

/** The row of a test: a message for everyone, one for Bob only, or a change of the state. */
type What = "all" | "bob" | "state";

/** Stores rows of one frame each, sent by Ana. */
function storeAll(log: Log, what: readonly What[], chars = 1): void {
  for (const each of what) {
    const frame = {
      type: each === "state" ? "state" : "message",
      offset: log.head + 1,
      time: NOW,
      from: "ana",
      ...(each === "bob" && { to: ["bob"] }),
      data: "x".repeat(chars),
    };
    const entry = { text: JSON.stringify(frame), filtered: each === "bob" };
    log.append([entry], [], NOW, Infinity, () => undefined);
  }
}

const offsets = ({ messages }: ReadHistory): unknown[] => messages.map(({ offset }) => offset);

/** Reads all pages of history from an offset on, each from the `next` of the previous page. */
function pagesOf(
  log: Log,
  from: { readonly after: number } | { readonly before: number },
  viewer: Viewer,
): { readonly offsets: readonly number[]; readonly cost: number }[] {
  const pages = [];
  for (let range: object | undefined = from; range !== undefined;) {
    const { texts, next, cost } = log.history({ ...range, limit: 500 }, NOW, viewer);
    pages.push({ offsets: texts.map((text) => (JSON.parse(text) as { offset: number }).offset), cost });
    if (next === undefined) range = undefined;
    else range = "after" in from ? { after: next } : { before: next };
  }
  return pages;
}

/** The log of a room as it was written, and the same log after a load. */
function both(log: Log, storage: DurableObjectStorage): readonly Log[] {
  return [log, loadLog(storage, retentionOf(1_000)).log];
}

describe("messages for some members", () => {
  it.each([
    ["their sender", "ana", [1, 2, 3, 5]],
    ["their addressees", "bob", [1, 2, 3, 5]],
    ["another member", "cem", [1, 5]],
    ["a client without a member", undefined, [1, 5]],
  ])(
    "[A7 A8 H5] messages for some members are only in the history of their sender and addressees: %s",
    async (_who, member, wanted) => {
      const pages = await withLog(retentionOf(1_000), (log, storage) => {
        storeAll(log, ["all", "bob", "bob", "state", "all"]);
        return both(log, storage).flatMap((each) => [
          historyOf(each, { limit: 500 }, NOW, viewerOf(member)),
          historyOf(each, { after: 0, limit: 500 }, NOW, viewerOf(member)),
          historyOf(each, { since: NOW, limit: 500 }, NOW, viewerOf(member)),
        ]);
      });

      for (const page of pages) expect([offsets(page), page.more]).toEqual([wanted, false]);
    },
  );

  it.each([
    ["the first page", { after: 0, limit: 2 }, [1, 6], true],
    ["the last page", { limit: 2 }, [6, 8], true],
    ["a page with every visible message", { after: 0, limit: 3 }, [1, 6, 8], false],
    ["a last page with every visible message", { limit: 3 }, [1, 6, 8], false],
    ["an empty page, because all that follows is hidden", { after: 8, limit: 3 }, [], false],
  ])(
    "[A7 A8] a page of history and its more ignore the messages that the reader may not see: %s",
    async (_what, bounds, wanted, more) => {
      const pages = await withLog(retentionOf(1_000), (log, storage) => {
        storeAll(log, ["all", "bob", "state", "bob", "bob", "all", "bob", "all", "bob", "bob"]);
        return both(log, storage).map((each) => historyOf(each, bounds, NOW, viewerOf("cem")));
      });

      for (const page of pages) expect([offsets(page), page.more]).toEqual([wanted, more]);
    },
  );

  it.each(["bob", "state"] as const)(
    "[A8] a page may be empty if much of the log is for %s only, and it reports where the next page begins",
    async (what) => {
      const logs = await withLog(retentionOf(1_000), (log, storage) => {
        const large = Array<What>(12).fill(what); // twice as much as one page may scan
        storeAll(log, ["all", ...large, "all", ...large, "all"], 200_000);
        return both(log, storage).map((each) =>
          [{ after: 0 }, { before: 28 }].map((from) => pagesOf(each, from, viewerOf("cem"))),
        );
      });

      for (const [forward = [], backward = []] of logs) {
        expect(forward.flatMap(({ offsets: seen }) => seen)).toEqual([1, 14, 27]);
        expect(backward.flatMap(({ offsets: seen }) => seen)).toEqual([27, 14, 1]);
        // A page may find one row, and exceed the limit by one row.
        for (const { cost } of [...forward, ...backward]) expect(cost).toBeLessThan(SCAN_CHARS + 2 * 210_000);
        expect(forward.length).toBeGreaterThan(4);
        expect(backward.length).toBeGreaterThan(4);
      }
    },
  );

  it("[L10 P4] each page of a replay reads a limited part of the log, and the next page continues from there", async () => {
    const pages = await withLog(retentionOf(1_000), (log, storage) => {
      storeAll(log, ["all", ...Array<What>(12).fill("bob"), "all"], 200_000);
      return both(log, storage).map((each) => {
        const read = [];
        for (let after = 0; after < each.head;) {
          const page = each.page(after, 65_536, viewerOf("cem"));
          if (page === undefined) break;
          read.push({ isEmpty: page.texts === "", cost: page.cost });
          after = page.last;
        }
        return read;
      });
    });

    for (const read of pages) {
      expect(read.filter(({ isEmpty }) => !isEmpty)).toHaveLength(2);
      for (const { cost } of read) expect(cost).toBeLessThan(SCAN_CHARS + 250_000);
    }
  });

  it("[A7 P4 P6] a member that may not see the last messages still reaches the end of the log", async () => {
    const pages = await withLog(retentionOf(1_000), (log, storage) => {
      storeAll(log, ["all", ...Array<What>(600).fill("bob"), "state", "bob"]);
      return both(log, storage).map((each) => [
        pagesAfter(each, 0, 65_536, "cem").map(({ offsets: seen, last }) => [seen, last]),
        pagesAfter(each, 1, 65_536, "cem").map(({ offsets: seen, last }) => [seen, last]),
        pagesAfter(each, 602, 65_536, undefined).map(({ offsets: seen, last }) => [seen, last]),
        pagesAfter(each, 0, 1_000_000, "bob").map(({ offsets: seen, last }) => [seen, last]),
      ]);
    });

    const wanted = [[[[1, 602], 603]], [[[602], 603]], [[[], 603]], [[range(1, 603), 603]]];
    expect(pages).toEqual([wanted, wanted]);
  });
});
