import { describe, expect, it } from "vitest";
import type { Log } from "../../src/room/log.ts";
import { keeping } from "./support/keeping.ts";
import { loadLog, NOW, pagesAfter, range, withLog } from "./support/logs.ts";
import { eyesOf } from "../support/eyes.ts";

/** What a row of a test is: a message for everyone, one for Bob alone, or a change of the state. */
type What = "all" | "bob" | "state";

/** Stores rows of one frame each, from Ana. */
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

const offsets = ({ messages }: ReturnType<Log["history"]>): unknown[] => messages.map(({ offset }) => offset);

/** The logs of a room: as it was written, and as it is after a load. */
function both(log: Log, storage: DurableObjectStorage): readonly Log[] {
  return [log, loadLog(storage, keeping(1_000)).log];
}

describe("messages for some", () => {
  it.each([
    ["their sender", "ana", [1, 2, 3, 5]],
    ["those they are for", "bob", [1, 2, 3, 5]],
    ["no other member", "cem", [1, 5]],
    ["nobody else", undefined, [1, 5]],
  ])("[A7 A8 H5] are in the history that %s may read", async (_who, member, wanted) => {
    const pages = await withLog(keeping(1_000), (log, storage) => {
      storeAll(log, ["all", "bob", "bob", "state", "all"]);
      return both(log, storage).flatMap((each) => [
        each.history({ limit: 500 }, NOW, eyesOf(member)),
        each.history({ after: 0, limit: 500 }, NOW, eyesOf(member)),
        each.history({ since: NOW, limit: 500 }, NOW, eyesOf(member)),
      ]);
    });

    for (const page of pages) expect([offsets(page), page.more]).toEqual([wanted, false]);
  });

  it.each([
    ["the first", { after: 0, limit: 2 }, [1, 6], true],
    ["the last", { limit: 2 }, [6, 8], true],
    ["as many as there are: what is hidden does not count", { after: 0, limit: 3 }, [1, 6, 8], false],
    ["as many as there are, from the end", { limit: 3 }, [1, 6, 8], false],
    ["none: all that follows is hidden", { after: 8, limit: 3 }, [], false],
  ])("[A7 A8] and the page and its more are of what one may see: %s", async (_what, bounds, wanted, more) => {
    const pages = await withLog(keeping(1_000), (log, storage) => {
      storeAll(log, ["all", "bob", "state", "bob", "bob", "all", "bob", "all", "bob", "bob"]);
      return both(log, storage).map((each) => each.history(bounds, NOW, eyesOf("cem")));
    });

    for (const page of pages) expect([offsets(page), page.more]).toEqual([wanted, more]);
  });

  it.each(["bob", "state"] as const)(
    "[A8] never end a page before its first message, however much of the log is %s's",
    async (what) => {
      const pages = await withLog(keeping(1_000), (log, storage) => {
        const large = Array<What>(12).fill(what); // more than a page has characters
        storeAll(log, ["all", ...large, "all", ...large, "all"], 200_000);
        return both(log, storage).map((each) => {
          const read: unknown[][] = [];
          for (let after = 0, more = true; more;) {
            const page = each.history({ after, limit: 500 }, NOW, eyesOf("cem"));
            read.push(offsets(page));
            ({ more } = page);
            after = page.messages.at(-1)?.offset ?? Infinity;
          }
          for (let before = 28, more = true; more;) {
            const page = each.history({ before, limit: 500 }, NOW, eyesOf("cem"));
            read.push(offsets(page));
            ({ more } = page);
            before = page.messages.at(0)?.offset ?? 0;
          }
          return read;
        });
      });

      expect(pages).toEqual(Array(2).fill([[1], [14], [27], [27], [14], [1]]));
    },
  );

  it("[A7 P4 P6] bring who may not see them to the end of the log all the same", async () => {
    const pages = await withLog(keeping(1_000), (log, storage) => {
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
