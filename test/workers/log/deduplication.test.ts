import { describe, expect, it, vi } from "vitest";
import {
  DEDUPLICATION_WINDOW_ACTS,
  DEDUPLICATION_WINDOW_MS,
  type Known,
} from "../../../src/room/log/deduplication.ts";
import { retentionOf } from "../support/retention.ts";
import { blocksIn, doActs, done, floorsIn, LATER, NEW, STALE } from "../support/acts.ts";
import { loadLog, NOW, range, rowsIn, type LoadedLog } from "../support/logs.ts";
import { crash, evict, inRoom, infoOf, rowsOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

describe("deduplication of repeated acts", () => {
  it("[A3 G3] a repeated ref gets its first reply, and nothing is stored or sent again", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await ana.publish("chat", "once", { ref: 7 });
    await ana.publish("chat", "between", { ref: 8 });

    const again = await ana.publish("chat", "once", { ref: 7 });
    const changed = await ana.publish("other", "other words", { ref: 7 });
    await ana.publish("chat", "last", { ref: 9 });
    await bob.inbox.until(({ messages }) => messages.length >= 3);

    expect(again).toEqual({ type: "ack", ref: 7, offset: 1 });
    expect(changed).toEqual({ type: "ack", ref: 7, offset: 1 });
    expect(bob.inbox.messages.map(({ data }) => data)).toEqual(["once", "between", "last"]);
  });

  it("[A3 G3] a ref twice in one frame is stored once, and both get the ack", async () => {
    const ana = await join(uniqueRoom());

    ana.send([1, 1, 2, 1].map((ref) => ({ type: "publish", ref, event: "e", data: ref })));
    await ana.inbox.take("ack", ({ ref }) => ref === 2);
    await ana.inbox.until(({ all }) => all.filter(({ type }) => type === "ack").length === 4);

    expect(ana.inbox.messages.map(({ data }) => data)).toEqual([1, 2]);
    expect(ana.inbox.all.filter((frame) => frame.type === "ack" && frame.ref === 1)).toEqual(
      Array.from({ length: 3 }, () => ({ type: "ack", ref: 1, offset: 1 })),
    );
  });

  it("[A3 F5] the same ref in another session is a different act", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ offset: 1 });
    expect(await bob.publish("e", 1, { ref: 1 })).toMatchObject({ offset: 2 });
  });

  it("[A3] a smaller ref that arrives later is new, because refs are a set", async () => {
    const ana = await join(uniqueRoom());

    for (const [index, ref] of [5, 3, 4, 1_000_000, 1].entries()) {
      expect(await ana.publish("e", ref, { ref })).toMatchObject({ offset: index + 1 });
    }
  });

  it("[A3 G3 G5 H1] a repeat over another transport gets the first reply, whichever transport came first", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1, { ref: 1 });

    const byPost = await post(room, ana, { type: "publish", ref: 1, event: "e", data: 1 });
    await post(room, ana, { type: "publish", ref: 2, event: "e", data: 2 });
    const bySocket = await ana.publish("e", 2, { ref: 2 });

    expect(byPost).toMatchObject({ status: 200, body: { type: "ack", ref: 1, offset: 1 } });
    expect(bySocket).toEqual({ type: "ack", ref: 2, offset: 2 });
    expect(await infoOf(room)).toMatchObject({ position: expect.stringMatching(/:2$/) });
  });

  it("[A3 G3] of many simultaneous requests with one ref, one takes effect, and all get its ack", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    const answers = await Promise.all([
      ...Array.from({ length: 8 }, () => post(room, ana, { type: "publish", ref: 1, event: "e" })),
      ana.publish("e", null, { ref: 1 }).then((body) => ({ status: 200, body })),
    ]);

    for (const answer of answers)
      expect(answer).toMatchObject({ status: 200, body: { type: "ack", ref: 1, offset: 1 } });
    expect(await rowsOf(room)).toHaveLength(1);
  });

  it("[A3 H1] a repeat from a session that has left gets its first reply, and a new act gets not_joined", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1, { ref: 1 });
    ana.close(1000);
    await ana.closed;

    const answer = await post(room, ana, [
      { type: "publish", ref: 1, event: "e", data: 1 },
      { type: "publish", ref: 2, event: "e", data: 2 },
    ]);

    expect(answer).toMatchObject({
      status: 200,
      body: [
        { type: "ack", ref: 1, offset: 1 },
        { type: "error", ref: 2, code: "not_joined" },
      ],
    });
  });

  it("[A3] a rejection is not remembered, so the same ref may be retried", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    expect(await ana.ask({ type: "publish", ref: 1, event: "" })).toMatchObject({
      code: "bad_frame",
      ref: 1,
    });
    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", offset: 1 });
  });

  it("[A3] a presence update and a publish with the same ref do not affect each other", async () => {
    const ana = await join(uniqueRoom());
    await ana.act({ type: "presence", data: 1 }, 1);

    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", offset: 1 });
  });
});

describe("deduplication across failures", () => {
  it.each([
    ["while the room sleeps", evict],
    ["through a crash", crash],
  ])("[A3 G3 G6] acts are remembered %s, over any transport", async (_what, fail) => {
    const room = uniqueRoom();
    const [ana, cem] = [await join(room), await joinSse(room)];
    ana.send([1, 2, 3].map((ref) => ({ type: "publish", ref, event: "e", data: ref })));
    await ana.inbox.take("ack", ({ ref }) => ref === 3);
    await cem.post({ type: "publish", ref: 1, event: "e", data: 4 });

    await fail(room);
    const again = await rejoin(room, ana);

    for (const ref of [3, 1, 2])
      expect(await again.publish("e", ref, { ref })).toEqual({ type: "ack", ref, offset: ref });
    expect(await post(room, cem, { type: "publish", ref: 1, event: "e" })).toMatchObject({
      body: { ref: 1, offset: 4 },
    });
    expect(await again.publish("e", 5, { ref: 4 })).toEqual({ type: "ack", ref: 4, offset: 5 });
  });

  it("[A3 G3] a publish that a crash interrupted and the client retried is stored once", async () => {
    const room = uniqueRoom();
    let ana = await join(room);
    const start = ana.position;

    for (let ref = 1; ref <= 8; ref++) {
      ana.send({ type: "publish", ref, event: "e", data: ref });
      await crash();
      await ana.closed;
      ana = await rejoin(room, ana);
      expect(await ana.publish("e", ref, { ref })).toMatchObject({ type: "ack", ref });
    }
    const bob = await join(room, { after: start });
    await bob.inbox.take("position");

    expect(bob.inbox.messages.map(({ offset, data }) => [offset, data])).toEqual(
      Array.from({ length: 8 }, (_, index) => [index + 1, index + 1]),
    );
  });

  it("[A3 G2] an act that the storage rejected did not take effect, and its repeat does", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      ),
    );
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    ana.send([1, 1].map((ref) => ({ type: "publish", ref, event: "e" })));
    const refused = [await ana.inbox.take("error"), await ana.inbox.take("error")];
    await inRoom(room, ({ storage }) => storage.sql.exec("DROP TRIGGER full"));

    expect(refused).toMatchObject([
      { ref: 1, code: "unavailable" },
      { ref: 1, code: "unavailable" },
    ]);
    expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown)).toMatchObject([
      { event: "append_failed", room, reason: expect.stringContaining("disk full") as string },
    ]);
    logged.mockRestore();
    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ offset: 1 });
    expect(await rowsOf(room)).toHaveLength(1);
  });
});

describe("the deduplication window", () => {
  /**
   * Stores a session's acts 1 to `count`, one a row, the n-th at `atOf(n)`. The ref and the offset of each act are
   * equal.
   */
  function fill(
    storage: DurableObjectStorage,
    count: number,
    atOf: (n: number) => number,
    limits = retentionOf(1),
  ): LoadedLog {
    const loaded = loadLog(storage, limits);
    for (const n of range(1, count)) doActs(loaded, [["s", n]], atOf(n));
    return loaded;
  }

  /** What the room knows of these refs in memory, and after a sleep. */
  function find(
    storage: DurableObjectStorage,
    { deduplication }: LoadedLog,
    refs: readonly number[],
    now: number,
  ): Known[][] {
    return [deduplication, loadLog(storage, retentionOf(1)).deduplication].map((each) =>
      refs.map((ref) => each.find("s", ref, now)),
    );
  }

  it("[A3 G3] exactly the last 10,000 acts are remembered regardless of age, in memory and after a sleep", async () => {
    const last = DEDUPLICATION_WINDOW_ACTS + 1;

    const found = await inRoom(uniqueRoom(), ({ storage }) => {
      const loaded = fill(storage, last, () => NOW);
      doActs(loaded, [["t", 1]], LATER);
      return find(storage, loaded, [1, 2, 3, 4, last, last + 1], LATER);
    });

    const wanted = [STALE, STALE, done(3), done(4), done(last), NEW];
    expect(found).toEqual([wanted, wanted]);
  });

  it("[A3 G3] an act is remembered for exactly ten minutes, however many acts follow", async () => {
    const acts = DEDUPLICATION_WINDOW_ACTS + 200;
    const end = NOW + DEDUPLICATION_WINDOW_MS;

    const found = await inRoom(uniqueRoom(), ({ storage }) => {
      const loaded = fill(storage, acts, (n) => NOW + Math.floor(n / 2));
      return [end, end + 1].flatMap((now) => find(storage, loaded, [1, 2, 3, acts], now));
    });

    const [inTime, late] = [
      [done(1), done(2), done(3), done(acts)],
      [STALE, done(2), done(3), done(acts)],
    ];
    expect(found).toEqual([inTime, inTime, late, late]);
  });

  it("[A3 G6] rows stay until their acts are in a stored block, and blocks stay until the minimum refs of a thousand acts are stored", async () => {
    const found = await inRoom(uniqueRoom(), ({ storage }) => {
      const loaded = fill(
        storage,
        DEDUPLICATION_WINDOW_ACTS + 1_000,
        (n) => NOW + n * DEDUPLICATION_WINDOW_MS,
      );
      const now = NOW + 20_000 * DEDUPLICATION_WINDOW_MS;
      const steps = [0, 1, 1, 1, 250, 1_000].map((count) => {
        for (const _ of range(1, count)) doActs(loaded, [["s", loaded.log.head + 1]], now);
        const [rows, blocks] = [rowsIn(storage), blocksIn(storage)];
        return {
          oldest: rows[0]?.first,
          rows: rows.length,
          block: blocks[0]?.first,
          floors: floorsIn(storage),
        };
      });
      return { steps, known: find(storage, loaded, [1, 2_000, 2_253], now) };
    });

    const minimumRefs = [{ session: "s", ref: 1_000 }];
    expect(found.steps).toEqual([
      { oldest: 10_901, rows: 100, block: 1, floors: [] },
      { oldest: 10_901, rows: 101, block: 1_001, floors: minimumRefs },
      { oldest: 10_905, rows: 98, block: 1_001, floors: minimumRefs },
      { oldest: 10_909, rows: 95, block: 1_001, floors: minimumRefs },
      { oldest: 11_201, rows: 53, block: 1_001, floors: minimumRefs },
      { oldest: 12_201, rows: 53, block: 2_001, floors: [{ session: "s", ref: 2_000 }] },
    ]);
    expect(found.known).toEqual(Array(2).fill([STALE, STALE, STALE]));
  });

  it("[A3 G3] rows with acts that must be remembered are kept beyond the retention", async () => {
    const rows = await inRoom(uniqueRoom(), ({ storage }) => {
      fill(storage, 50, () => NOW);
      return rowsIn(storage).length;
    });

    expect(rows).toBe(50);
  });
});
