import { describe, expect, it } from "vitest";
import type { Log } from "../../../src/room/log/log.ts";
import { retentionOf } from "../support/retention.ts";
import { historyOf, loadLog, NOW, store, withLog } from "../support/logs.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

describe("reads by time", () => {
  /** Three rows of two messages each, at three times. */
  function storeTimes(log: Log, times = [NOW, NOW, NOW + 10]): void {
    for (const at of times) {
      const time = log.timeAt(at);
      const text = (offset: number): string => JSON.stringify({ type: "message", offset, time, from: "ana" });
      store(log, [text(log.head + 1), text(log.head + 2)], { at: time });
    }
  }

  it.each([
    ["since the first time: all of it", { since: NOW }, [1, 2, 3, 4, 5, 6]],
    ["since a millisecond later: what came then", { since: NOW + 1 }, [5, 6]],
    ["since the last time", { since: NOW + 10 }, [5, 6]],
    ["since beyond the end", { since: NOW + 11 }, []],
    ["since long ago", { since: 0 }, [1, 2, 3, 4, 5, 6]],
    ["until the first time: nothing", { until: NOW }, []],
    ["until a millisecond later: all of that time", { until: NOW + 1 }, [1, 2, 3, 4]],
    ["until the last time", { until: NOW + 10 }, [1, 2, 3, 4]],
    ["until beyond the end", { until: NOW + 11 }, [1, 2, 3, 4, 5, 6]],
    ["from a time until the same: nothing", { since: NOW, until: NOW }, []],
    ["from a time until an earlier one: nothing", { since: NOW + 10, until: NOW }, []],
    ["between two times at which nothing came", { since: NOW + 1, until: NOW + 10 }, []],
    ["one millisecond", { since: NOW, until: NOW + 1 }, [1, 2, 3, 4]],
    ["both kinds of bounds: the narrower", { since: NOW, after: 3, until: NOW + 11, before: 6 }, [4, 5]],
    ["with since the first of the range", { since: NOW, limit: 2 }, [1, 2]],
    ["with until alone the last of the range", { until: NOW + 10, limit: 2 }, [3, 4]],
  ])("[A8] %s", async (_what, range, wanted) => {
    const pages = await withLog(retentionOf(1_000), (log, storage) => {
      storeTimes(log);
      return [log, loadLog(storage).log].map((each) => historyOf(each, { limit: 500, ...range }, NOW + 10));
    });

    for (const { messages } of pages) expect(messages.map(({ offset }) => offset)).toEqual(wanted);
  });

  it("[A8 F6] a clock that steps back changes no order: what came later has no earlier time", async () => {
    const found = await withLog(retentionOf(1_000), (log, storage) => {
      storeTimes(log, [NOW + 100, NOW, NOW + 50]);
      const { log: loaded } = loadLog(storage);
      storeTimes(loaded, [NOW + 60, NOW + 101]);
      const since = (time: number): unknown =>
        historyOf(loaded, { since: time, limit: 500 }, NOW).messages.map(({ offset, time: at }) => [
          offset,
          at - NOW,
        ]);
      return [
        since(NOW + 100),
        since(NOW + 101),
        historyOf(loaded, { until: NOW + 100, limit: 5 }, NOW).messages,
      ];
    });

    const row = (offset: number, ms: number): number[][] => [
      [offset, ms],
      [offset + 1, ms],
    ];
    expect(found).toEqual([
      [...row(1, 100), ...row(3, 100), ...row(5, 100), ...row(7, 100), ...row(9, 101)],
      row(9, 101),
      [],
    ]);
  });

  it("[A8 P5] what retention has let go is not found by its time either", async () => {
    const found = await withLog(retentionOf(3), (log, storage) => {
      storeTimes(log, [NOW, NOW + 10, NOW + 20, NOW + 30]);
      return [log, loadLog(storage, retentionOf(3)).log].map((each) =>
        [{ since: NOW }, { since: NOW, until: NOW + 30 }, { until: NOW + 20 }].map((range) =>
          historyOf(each, { limit: 500, ...range }, NOW + 30).messages.map(({ offset }) => offset),
        ),
      );
    });

    expect(found).toEqual(Array(2).fill([[6, 7, 8], [6], []]));
  });

  it("[A8 H5 G5] are the same over a socket and over HTTP, and a time that is none is refused", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    for (const n of [1, 2, 3]) await ana.publish("e", n);
    const [first, , last] = ana.inbox.messages.map(({ time }) => time);
    const overHttp = async (query: string): Promise<unknown> =>
      (await request(roomPath(room, `/history?${query}`))).json();

    for (const [since, until] of [
      [first, last],
      [last, (last ?? 0) + 1],
      [(last ?? 0) + 1, undefined],
    ]) {
      ana.send({ type: "history", since, until });
      const { messages, more } = await ana.inbox.take("history");
      const query = `since=${since}${until === undefined ? "" : `&until=${until}`}`;
      expect(await overHttp(query)).toEqual({ messages, more, position: ana.position });
    }
    expect(await overHttp("since=soon")).toMatchObject({ code: "bad_request" });
    expect(await overHttp("until=-1")).toMatchObject({ code: "bad_request" });
    ana.send({ type: "history", ref: 9, since: "soon" });
    expect(await ana.inbox.take("error")).toMatchObject({ ref: 9, code: "bad_frame" });
  });

  it("[A8] an empty log has nothing at any time", async () => {
    const page = await withLog(retentionOf(3), (log) =>
      historyOf(log, { since: 0, until: NOW, limit: 5 }, NOW),
    );

    expect(page).toEqual({ messages: [], more: false });
  });
});
