import { describe, expect, it } from "vitest";
import type { HistoryFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import type { RoomMessage } from "../../../src/client/views/events.ts";
import { messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined, reconnect, type TestClient } from "../support/test-client.ts";

/** Delivers a page in reply to the newest request. */
async function page(client: TestClient, offsets: readonly number[], next?: number): Promise<void> {
  const ref = client.transport.refs.at(-1) ?? 0;
  const messages = offsets.map((offset) => messageFrame(offset) as MessageFrame);
  const frame: HistoryFrame = { type: "history", ref, messages, more: next !== undefined };
  client.transport.deliver(next === undefined ? frame : { ...frame, next });
  await settled();
}

/** Reads a history in the background. */
function reading(history: AsyncIterable<RoomMessage>): { offsets: unknown[]; done: Promise<unknown> } {
  const offsets: unknown[] = [];
  const read = async (): Promise<void> => {
    for await (const { offset } of history) offsets.push(offset);
  };
  return {
    offsets,
    done: read().then(
      () => "done",
      ({ code }: { code: unknown }) => code,
    ),
  };
}

describe("the history", () => {
  it("[A8] the history is read back from the newest message, page by page, where the reply says", async () => {
    const client = await joined();
    const { offsets, done } = reading(client.room.history({ pageSize: 2 }));
    await settled();
    await page(client, [8, 9], 8);
    await page(client, [], 5);
    await page(client, [1]);

    expect(await done).toBe("done");
    expect(offsets).toEqual([9, 8, 1]);
    expect(client.transport.items).toMatchObject([
      { type: "history", limit: 2 },
      { type: "history", limit: 2, before: 8 },
      { type: "history", limit: 2, before: 5 },
    ]);
  });

  it.each([{ after: 3 }, { since: 1_790_000_000_000 }])(
    "[A8] the history with %j is read forward from the oldest message",
    async (range) => {
      const client = await joined();
      const { offsets, done } = reading(client.room.history({ ...range, before: 9 }));
      await settled();
      await page(client, [4, 5], 5);
      await page(client, [6]);

      expect(await done).toBe("done");
      expect(offsets).toEqual([4, 5, 6]);
      expect(client.transport.items).toMatchObject([
        { ...range, before: 9 },
        { ...range, after: 5, before: 9 },
      ]);
    },
  );

  it("[A8] the next page of a history is not requested before the loop needs it, nor after it has ended", async () => {
    const client = await joined();
    const history = client.room.history();
    const first = history.next();
    await settled();
    await page(client, [1, 2], 1);

    expect((await first).value).toMatchObject({ offset: 2, data: "hi" });
    expect((await history.next()).value).toMatchObject({ offset: 1 });
    await history.return();
    expect(client.transport.items).toHaveLength(1);
  });

  it("[G4 A8] a page of history is requested again after a reconnect, however long that takes", async () => {
    const client = await joined();
    const { offsets, done } = reading(client.room.history());
    await settled();
    client.transport.end();
    await client.world.pass(600_000);
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await settled();
    await page(client, [1]);

    expect(await done).toBe("done");
    expect(offsets).toEqual([1]);
  });

  it("[L10] while the budget for reads is spent, a history waits, and acts are sent meanwhile", async () => {
    const client = await joined();
    const { offsets, done } = reading(client.room.history());
    await settled();
    client.transport.deliver({
      ...{ type: "error", ref: client.transport.refs[0] ?? 0, code: "rate_limited", message: "" },
      ...{ limit: "roomReadCharsPerSecond", retryAfterMs: 4_000 },
    });
    await settled();
    void client.room.publish("chat", "now");
    await settled();
    expect(client.transport.items.map(({ type }) => type)).toEqual(["history", "publish"]);

    await client.world.pass(4_000);
    await page(client, [1]);
    expect(await done).toBe("done");
    expect(offsets).toEqual([1]);
  });

  it("[A8] a history rejects with timeout, aborted, closed, or the room's error", async () => {
    const client = await joined();
    const control = new AbortController();
    const late = reading(client.room.history({ timeoutMs: 1_000 }));
    const stopped = reading(client.room.history({ signal: control.signal }));
    const wrong = reading(client.room.history({ pageSize: 0 }));
    const closed = reading(client.room.history());
    await settled();
    const bad = client.transport.items.findIndex(({ limit }) => limit === 0);
    client.transport.deliver({
      ...{ type: "error", ref: client.transport.refs[bad] ?? 0, code: "bad_frame", message: "" },
    });
    await client.world.pass(1_000);
    control.abort();
    await settled();
    client.room.close();

    expect(await Promise.all([late, stopped, wrong, closed].map(({ done }) => done))).toEqual([
      "timeout",
      "aborted",
      "bad_frame",
      "closed",
    ]);
    expect(client.room.pending.count).toBe(0);
  });

  it("[J10] a client that only watches can read the history", async () => {
    const client = await joined({ view: true }, { viewOnly: true });
    const { offsets, done } = reading(client.room.history());
    await settled();
    await reconnect(client);
    await page(client, [1]);

    expect(await done).toBe("done");
    expect(offsets).toEqual([1]);
  });
});
