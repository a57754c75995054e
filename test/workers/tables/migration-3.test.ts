import { describe, expect, it } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { DEDUPLICATION_WINDOW_ACTS, DEDUPLICATION_WINDOW_MS } from "../../../src/room/log/deduplication.ts";
import { SCHEMA_VERSION } from "../../../src/room/tables.ts";
import { blocksIn } from "../support/acts.ts";
import { crash, evict, inRoom, rowsOf, uniqueRoom } from "../support/rooms.ts";
import { countRowsRead } from "../support/row-counts.ts";
import { post } from "../support/sse.ts";
import { dump } from "../support/version-1.ts";
import { EPOCH_3, storeVersion3 } from "../support/version-3.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

/** The acts in a room that code of version 3 left: the first 1,500 have expired, and the rows of 1,000 are deleted. */
const [GONE, FORGOTTEN, LAST] = [1_000, 1_500, 12_000];

/** Acts up to this one are too old by today's rules. */
const EDGE = LAST - DEDUPLICATION_WINDOW_ACTS;

async function roomOfVersion3(perRow: number, at = Date.now() - 2 * DEDUPLICATION_WINDOW_MS) {
  const room = uniqueRoom("chat");
  const key = randomKey();
  const ana = { key, ...(await deriveIdentity(room, "", key)) };
  const { session, member } = ana;
  await inRoom(room, ({ storage }) =>
    storeVersion3(storage, {
      ...{ session, member, at, perRow },
      ...{ firstOffset: GONE + 1, lastOffset: LAST, floorOffset: FORGOTTEN },
    }),
  );
  await evict(room);
  return { room, ana };
}

describe("tables of version 3", () => {
  it.each([
    ["one act", 1],
    ["seven acts", 7],
    ["700 acts", 700],
  ])(
    "[V2 A3 G3 G6] tables of version 3 keep the ref and offset of every act, with rows of %s",
    async (_what, perRow) => {
      const { room, ana } = await roomOfVersion3(perRow);
      let back = await join(room, { key: ana.key });

      for (const fail of [evict, crash, evict]) {
        for (const ref of [1, GONE, FORGOTTEN, FORGOTTEN + 1, EDGE]) {
          expect(await back.publish("e", 1, { ref })).toMatchObject({ ref, code: "stale_ref" });
        }
        for (const ref of [EDGE + 10, LAST - 1, LAST]) {
          expect(await back.publish("e", 1, { ref })).toMatchObject({ type: "ack", ref, offset: ref });
        }
        const { offset } = (await back.publish("e", 1, { ref: LAST + 1 })) as { offset: number };
        expect(offset).toBe(LAST + 1);
        await fail(room);
        back = await join(room, { key: ana.key });
      }
      expect((await inRoom(room, ({ storage }) => dump(storage)))["meta"]).toContainEqual({
        name: "schema",
        value: SCHEMA_VERSION,
      });
    },
  );

  it("[V2 G4] clients resume over tables of version 3, and their messages are served", async () => {
    const { room, ana } = await roomOfVersion3(100);

    const back = await join(room, { key: ana.key, after: `${EPOCH_3}:${LAST - 250}` });
    await back.inbox.take("position");

    expect(back.inbox.messages).toHaveLength(250);
    expect(back.inbox.messages.at(-1)).toMatchObject({ offset: LAST, data: `text ${LAST}` });
  });

  it("[V2 J11 M4] tables of version 3 take the attempt numbers of members, and keep them through a sleep and a crash", async () => {
    const { room, ana } = await roomOfVersion3(500);
    const query = { try: "8" };
    const back = await join(room, { key: ana.key, query });
    await back.welcome();
    back.close(3000);
    await back.closed;

    for (const fail of [evict, crash]) {
      await fail(room);
      const late = await joinWebSocket(room, { key: ana.key, query: { try: "7" } });
      expect(await late.inbox.take("error")).toMatchObject({ code: "superseded", try: 8 });
    }
  });

  it("[V2 A3 G3] the first append compacts the acts of tables of version 3, and the next load reads at most 300 rows", async () => {
    const { room, ana } = await roomOfVersion3(1);
    const back = await join(room, { key: ana.key });
    await back.publish("e", 1, { ref: LAST + 1 });
    const blocks = await inRoom(room, ({ storage }) => blocksIn(storage));
    const read = await countRowsRead(room);

    await evict(room);
    await read();
    await back.publish("e", 1, { ref: LAST + 2 });

    expect(blocks.reduce((sum, { acts }) => sum + acts, 0)).toBeGreaterThanOrEqual(DEDUPLICATION_WINDOW_ACTS);
    expect(Object.values(await read()).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(300);
  });

  it("[V2 A3 G2] tables of version 3 lose nothing when the first append fails", async () => {
    const { room, ana } = await roomOfVersion3(10);
    const back = await join(room, { key: ana.key });
    await inRoom(room, ({ storage }) =>
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      ),
    );

    const refused = await back.publish("e", 1, { ref: LAST + 1 });
    const rows = (await rowsOf(room)).length;
    await inRoom(room, ({ storage }) => storage.sql.exec("DROP TRIGGER full"));
    await crash();
    const again = await join(room, { key: ana.key });

    expect(refused).toMatchObject({ code: "unavailable" });
    expect(rows).toBe((LAST - GONE) / 10);
    expect(await again.publish("e", 1, { ref: EDGE + 1 })).toMatchObject({ offset: EDGE + 1 });
    expect(await again.publish("e", 1, { ref: EDGE })).toMatchObject({ code: "stale_ref" });
    expect(await again.publish("e", 1, { ref: LAST + 1 })).toMatchObject({ offset: LAST + 1 });
  });

  it("[V2 A3 G3] tables of version 3 keep the minimum refs that their code had stored", async () => {
    const { room, ana } = await roomOfVersion3(500);
    await join(room, { key: ana.key });

    const byPost = await post(room, ana, { type: "publish", ref: FORGOTTEN, event: "e" });

    expect(byPost).toMatchObject({ status: 409, body: { code: "stale_ref" } });
    expect((await inRoom(room, ({ storage }) => dump(storage)))["floor"]).toContainEqual({
      ...{ session: "another-session-of-all", ref: 7, head: 0 },
    });
  });
});
