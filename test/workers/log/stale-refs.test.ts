import { describe, expect, it } from "vitest";
import { DEDUPLICATION_WINDOW_ACTS, DEDUPLICATION_WINDOW_MS } from "../../../src/room/log/deduplication.ts";
import { doActs } from "../support/acts.ts";
import { loadLog, range } from "../support/logs.ts";
import { crash, evict, inRoom, infoOf, rowsOf, uniqueRoom } from "../support/rooms.ts";
import { post } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

describe("a ref that is too old to decide", () => {
  /** A room in which a member sent this many acts an hour ago; a multiple of 500. */
  async function roomWithPast(count: number): Promise<{ room: string; ana: WebSocketMember }> {
    const room = uniqueRoom();
    const ana = await join(room);
    await inRoom(room, ({ storage }) => {
      const loaded = loadLog(storage);
      for (const from of range(0, count / 500 - 1).map((n) => n * 500)) {
        const refs = range(from + 1, from + 500).map((ref) => [ana.session, ref] as const);
        doActs(loaded, refs, Date.now() - 6 * DEDUPLICATION_WINDOW_MS);
      }
    });
    await evict(room);
    return { room, ana: await rejoin(room, ana, { query: { after: "" } }) };
  }

  it.each([
    ["while the room sleeps", evict],
    ["through a crash", crash],
  ])("[A3 G3 G6] a ref that is too old gets stale_ref, and still does %s", async (_what, fail) => {
    const { room, ana } = await roomWithPast(12_500);
    const edge = 12_500 - DEDUPLICATION_WINDOW_ACTS;

    for (const round of [1, 2, 3]) {
      const again = await rejoin(room, ana);
      expect(await again.publish("e", 1, { ref: 1 })).toMatchObject({
        type: "error",
        ref: 1,
        code: "stale_ref",
      });
      expect(await again.publish("e", 1, { ref: edge })).toMatchObject({ code: "stale_ref" });
      expect(await again.publish("e", 1, { ref: edge + 5 })).toEqual({
        type: "ack",
        ref: edge + 5,
        offset: edge + 5,
      });
      expect(await again.publish("e", 1, { ref: 20_000 + round })).toMatchObject({ offset: 12_500 + round });
      await fail(room);
    }
  });

  it("[A3 T1 H2] a set or POST with a ref that is too old is rejected without effect, and new acts still succeed", async () => {
    const { room, ana } = await roomWithPast(11_000);
    const bob = await join(room);
    const { position } = await infoOf(room);

    const bySocket = await ana.act({ type: "set", set: { key: 1 } }, 1_000);
    const byPost = await post(room, ana, { type: "publish", ref: 999, event: "e" });

    expect(bySocket).toMatchObject({ type: "error", ref: 1_000, code: "stale_ref" });
    expect(byPost).toMatchObject({ status: 409, body: { type: "error", ref: 999, code: "stale_ref" } });
    expect(await infoOf(room)).toMatchObject({ position });
    expect(await bob.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", offset: 11_001 });
    expect(await ana.act({ type: "set", set: { key: 1 } }, 11_001)).toMatchObject({ offset: 11_002 });
    expect((await rowsOf(room)).at(-1)).toMatchObject({
      refs: JSON.stringify([[ana.session, 11_001, 11_002]]),
    });
  });
});
