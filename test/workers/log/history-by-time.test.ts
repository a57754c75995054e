import { describe, expect, it } from "vitest";
import type { Log } from "../../../src/room/log/log.ts";
import { retentionOf } from "../support/retention.ts";
import { historyOf, loadLog, NOW, store, withLog } from "../support/logs.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

describe("history by time", () => {
  /** Stores three rows of two messages each, at three times. */
  function storeTimes(log: Log, times = [NOW, NOW, NOW + 10]): void {
    for (const at of times) {
      const time = log.timeAt(at);
      const text = (offset: number): string => JSON.stringify({ type: "message", offset, time, from: "ana" });
      store(log, [text(log.head + 1), text(log.head + 2)], { at: time });
    }
  }

  it.each([
    ["all messages since the first time", { since: NOW }, [1, 2, 3, 4, 5, 6]],
    ["the later messages since a millisecond after the first time", { since: NOW + 1 }, [5, 6]],
    ["the last messages since the last time", { since: NOW + 10 }, [5, 6]],
    ["nothing since a time after the last message", { since: NOW + 11 }, []],
    ["all messages since a time long before", { since: 0 }, [1, 2, 3, 4, 5, 6]],
    ["nothing until the first time", { until: NOW }, []],
    ["the first messages until a millisecond after the first time", { until: NOW + 1 }, [1, 2, 3, 4]],
    ["the earlier messages until the last time", { until: NOW + 10 }, [1, 2, 3, 4]],
    ["all messages until a time after the last message", { until: NOW + 11 }, [1, 2, 3, 4, 5, 6]],
    ["nothing from a time until the same time", { since: NOW, until: NOW }, []],
    ["nothing from a time until an earlier time", { since: NOW + 10, until: NOW }, []],
    ["nothing between two times without messages", { since: NOW + 1, until: NOW + 10 }, []],
    ["the messages of one millisecond", { since: NOW, until: NOW + 1 }, [1, 2, 3, 4]],
    [
      "the narrower range if both kinds of bounds are given",
      { since: NOW, after: 3, until: NOW + 11, before: 6 },
      [4, 5],
    ],
    ["the first messages of the range with since and a limit", { since: NOW, limit: 2 }, [1, 2]],
    ["the last messages of the range with only until and a limit", { until: NOW + 10, limit: 2 }, [3, 4]],
  ])("[A8] history by time returns %s", async (_what, range, wanted) => {
    const pages = await withLog(retentionOf(1_000), (log, storage) => {
      storeTimes(log);
      return [log, loadLog(storage).log].map((each) => historyOf(each, { limit: 500, ...range }, NOW + 10));
    });

    for (const { messages } of pages) expect(messages.map(({ offset }) => offset)).toEqual(wanted);
  });

  it("[A8 F6] a clock that is set back does not change the order: later messages never have an earlier time", async () => {
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

  it("[A8 P5] messages dropped by the retention are not found by their time", async () => {
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

  it("[A8 H5 G5] history by time is the same over a socket and over HTTP, and an invalid time is rejected", async () => {
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

  it("[A8] an empty log has no messages at any time", async () => {
    const page = await withLog(retentionOf(3), (log) =>
      historyOf(log, { since: 0, until: NOW, limit: 5 }, NOW),
    );

    expect(page).toEqual({ messages: [], more: false });
  });
});
