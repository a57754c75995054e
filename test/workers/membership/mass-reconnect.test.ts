import { describe, expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { oneTo, Reader } from "../support/reader.ts";
import { countRowsRead } from "../support/row-counts.ts";
import { crash, infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

const MEMBERS = 1_000;

/** The number of messages, each a row, before the crash and after it. */
const [BEFORE, AFTER] = [30, 30];

/** The rows that a room reads about itself in all tables, including skipped rows of `sqlite_master`. */
const ABOUT_ITSELF = 20;

/** Publishes messages one by one. Resolves when each is stored. */
async function publish(member: WebSocketMember, count: number, firstRef: number): Promise<void> {
  for (let ref = firstRef; ref < firstRef + count; ref++)
    expect(await member.publish("e", ref, { ref })).toMatchObject({ offset: ref });
}

describe("a thousand members that reconnect after a crash", () => {
  it(
    "[G4 G6 M4 P4] a thousand members that reconnect after a crash cause one read of each missed row and member row",
    { timeout: 60_000 },
    async () => {
      const room = uniqueRoom("chat"); // which has a grace
      const speaker = await join(room);
      await publish(speaker, BEFORE, 1);
      const keys = oneTo(MEMBERS - 1).map(() => randomKey());
      await Promise.all(keys.map((key) => join(room, { key })));
      const epoch = speaker.position.split(":")[0];
      await crash();
      await speaker.closed;
      const read = await countRowsRead(room);

      const back = await rejoin(room, speaker);
      const toLoad = await read();
      await publish(back, AFTER, BEFORE + 1);
      await read();
      const others = await Promise.all(
        // They had read different amounts, and some of them nothing.
        keys.map((key, index) => join(room, { key, after: `${epoch}:${index % (BEFORE + AFTER)}` })),
      );
      await Promise.all(others.map(({ inbox }) => inbox.take("position")));
      const toReturn = await read();

      for (const [index, { inbox }] of others.entries()) {
        expect(inbox.messages.map(({ offset }) => offset)).toEqual(
          oneTo(BEFORE + AFTER).slice(index % (BEFORE + AFTER)),
        );
      }
      expect(toLoad["member"]).toBe(MEMBERS);
      expect(toReturn["member"]).toBe(0);
      // The cache holds the rows written since the crash. The others are read once, and searched at most once for each
      // member.
      expect(toReturn["segment"]).toBeLessThanOrEqual(BEFORE + MEMBERS);
      const { member: _member, segment: _segment, ...rest } = { ...toLoad, ...toReturn };
      expect(Object.values(rest).reduce((sum, rows) => sum + rows, 0)).toBeLessThan(ABOUT_ITSELF);
      expect(await infoOf(room)).toMatchObject({ members: MEMBERS });
    },
  );
});

describe("members that were away for a long time", () => {
  it("[G4 P4 L5] members that were away for a long time cause one read of each row of the tail, at any speed", async () => {
    const room = uniqueRoom("chat");
    const speaker = await joinSse(room);
    const start = speaker.position;
    for (let ref = 1; ref <= 20; ref++) await speaker.publish("e", "x".repeat(10_000), { ref });
    await crash();
    await speaker.ended;
    const read = await countRowsRead(room);

    const readers = [];
    for (let n = 0; n < 10; n++) readers.push(await Reader.join(room, { after: start }));
    for (const reader of readers) await reader.catchUp();

    for (const reader of readers) expect(reader.offsets).toEqual(oneTo(20));
    expect((await read())["segment"]).toBeLessThanOrEqual(20 + readers.length);
  });
});
