import { describe, expect, it } from "vitest";
import { DEDUPLICATION_WINDOW_MS } from "../../../src/room/log/deduplication.ts";
import { doActs, storeWithFloors } from "../support/acts.ts";
import { retentionOf } from "../support/retention.ts";
import { loadLog, range, type LoadedLog } from "../support/logs.ts";
import { evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { countRowsRead } from "../support/row-counts.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

/** When the history of the rooms was stored, Unix milliseconds. All of it is outside the window. */
const PAST = Date.now() - 6 * DEDUPLICATION_WINDOW_MS;

/** The maximum number of rows that a room reads when an act wakes it. */
const MAX_ROWS_READ = 300;

/** Creates a member of a hibernating room with a history. */
async function asleep(past: (loaded: LoadedLog, session: string) => void): Promise<{
  readonly ana: WebSocketMember;
  /** Wakes the room by an act, and returns how many rows it read. */
  readonly wake: (ref: number) => Promise<{ readonly answer: unknown; readonly rows: number }>;
}> {
  const room = uniqueRoom();
  const ana = await join(room);
  await inRoom(room, ({ storage }) => past(loadLog(storage), ana.session));
  const rowsRead = await countRowsRead(room);
  const wake = async (ref: number) => {
    await evict(room);
    await rowsRead();
    const answer = await ana.publish("e", ref, { ref });
    return { answer, rows: Object.values(await rowsRead()).reduce((sum, count) => sum + count, 0) };
  };
  return { ana, wake };
}

describe("a room that wakes", () => {
  it.each([
    ["no message", 0],
    ["99 messages", 99],
    ["10,000 messages", 10_000],
    ["10,099 messages", 10_099],
    ["21,050 messages", 21_050],
  ])(
    "[A3 G3] a room that wakes reads at most 300 rows for a new act after %s of one row each",
    async (_what, count) => {
      const { wake } = await asleep((loaded, session) => {
        // One message per second: at the end, most are older than ten minutes.
        for (const ref of range(1, count)) doActs(loaded, [[session, ref]], PAST + (ref - count) * 1_000);
      });

      const { answer, rows } = await wake(count + 1);

      expect(answer).toMatchObject({ type: "ack", offset: count + 1 });
      expect(rows).toBeLessThanOrEqual(MAX_ROWS_READ);
    },
  );

  it("[A3 G3] a room that wakes reads at most 300 rows when each of 10,000 acts has a session of its own", async () => {
    const { wake } = await asleep((loaded) => {
      for (const n of range(1, 10_000)) doActs(loaded, [[`session-${n}`, 1]], PAST);
    });

    expect((await wake(1)).rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  });

  it("[A3 G3] a room that wakes reads at most 300 rows for a repeated act, and for one that is too old", async () => {
    const { wake } = await asleep((loaded, session) => {
      for (const ref of range(1, 10_500)) doActs(loaded, [[session, ref]], PAST);
    });

    const [repeated, old] = [await wake(501), await wake(500)];

    expect(repeated.answer).toMatchObject({ type: "ack", offset: 501 });
    expect(old.answer).toMatchObject({ type: "error", code: "stale_ref" });
    expect(repeated.rows).toBeLessThanOrEqual(MAX_ROWS_READ);
    expect(old.rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  });

  it("[A3 G3] a room that wakes reads at most 300 rows if most messages have no ref", async () => {
    const { wake } = await asleep((loaded, session) => {
      for (const n of range(1, 20_000)) storeWithFloors(loaded, n % 50 === 0 ? [[session, n]] : [], PAST);
    });

    expect((await wake(20_001)).rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  });

  it("[A3 G3] a room that wakes reads at most 300 rows if its history ends with many messages without a ref", async () => {
    const { wake } = await asleep((loaded, session) => {
      doActs(loaded, [[session, 1]], PAST);
      for (const _ of range(1, 5_000)) storeWithFloors(loaded, [], PAST);
    });

    const again = await wake(1);

    expect(again.answer).toMatchObject({ type: "ack", offset: 1 });
    expect(again.rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  });

  it("[A3 G3] a room that wakes for each message reads at most 300 rows", async () => {
    const { wake } = await asleep(({ log, deduplication, tables }, session) => {
      let loaded = { log, deduplication, tables };
      for (const n of range(1, 400)) {
        loaded = loadLog(tables.storage, retentionOf(1_000));
        if (n % 3 === 0) doActs(loaded, [[session, n]], PAST);
        else storeWithFloors(loaded, [], PAST);
      }
    });

    const again = await wake(3);

    expect(again.answer).toMatchObject({ type: "ack", offset: 3 });
    expect(again.rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  });

  it("[A3 G3] a room that wakes finds acts of one message each in blocks of a hundred, joined to blocks of a thousand", async () => {
    const stored = await inRoom(uniqueRoom(), ({ storage }) => {
      const loaded = loadLog(storage);
      for (const ref of range(1, 2_301)) doActs(loaded, [["s", ref]], PAST);
      return storage.sql.exec("SELECT first, last, before, acts FROM act_block ORDER BY first").toArray();
    });

    expect(stored).toEqual(
      [
        [1, 1_000],
        [1_001, 2_000],
        [2_001, 2_100],
        [2_101, 2_200],
        [2_201, 2_300],
      ].map(([first = 0, last = 0]) => ({ first, last, before: first - 1, acts: last - first + 1 })),
    );
  });

  it("[A3 G3] a room that wakes after a burst reads at most 300 rows, although all 100,000 acts of one row each are remembered", async () => {
    const { wake } = await asleep((loaded, session) => {
      for (const ref of range(1, 100_000)) doActs(loaded, [[session, ref]], Date.now());
    });

    const again = await wake(7);

    expect(again.answer).toMatchObject({ type: "ack", offset: 7 });
    expect(again.rows).toBeLessThanOrEqual(MAX_ROWS_READ);
  }, 60_000);
});
