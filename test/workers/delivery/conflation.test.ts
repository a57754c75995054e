import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import type { Member } from "../../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

/** All messages that a member has received, recorded or not. */
function messagesOf({ inbox }: Member): MessageFrame[] {
  return inbox.all.flatMap((frame) => (frame.type === "message" ? [frame] : []));
}

/** An act that publishes a volatile message. */
function volatile(data: number, more: object = {}): object {
  return { type: "publish", event: "move", data, volatile: true, ...more };
}

describe("volatile messages that wait for a flush", () => {
  it("[A4 G8] a waiting volatile message is replaced by a newer one with the same sender, event and key, over either transport", async () => {
    const room = uniqueRoom();
    const [ana, bob, eve] = [await join(room), await join(room), await joinSse(room)];

    ana.send([
      volatile(1),
      volatile(2, { key: "k" }),
      volatile(3),
      volatile(4, { event: "turn" }),
      volatile(5),
    ]);
    await ana.publish("end", 0);

    for (const reader of [ana, bob, eve]) {
      await reader.inbox.take("message", ({ event }) => event === "end");
      const moves = messagesOf(reader).filter(({ offset }) => offset === undefined);
      expect(moves.map(({ data }) => data)).toEqual([2, 4, 5]);
    }
  });

  it("[A4 G8] volatile messages of other senders or for other members do not replace one another", async () => {
    const room = uniqueRoom();
    const [ana, bob, eve] = [await join(room), await join(room), await join(room)];

    ana.send([volatile(1), volatile(2, { to: [eve.member] }), volatile(3, { to: [bob.member] })]);
    bob.send(volatile(4));
    await ana.inbox.take("message", ({ data }) => data === 4);
    await ana.publish("end", 0);
    await eve.inbox.take("message", ({ event }) => event === "end");

    const received = messagesOf(eve).filter(({ offset }) => offset === undefined);
    expect(received.map(({ data }) => data)).toEqual([1, 2, 4]);
  });

  it("[A1 A4 G1] recorded messages never replace one another", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([1, 2, 3].map((data) => ({ type: "publish", event: "move", data })));
    await bob.inbox.take("message", ({ offset }) => offset === 3);

    expect(bob.inbox.messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it("[A4 G8] in a kind with few volatile flushes, members receive the newest message, and the order is kept", async () => {
    const room = uniqueRoom("cursors");
    const [ana, bob] = [await join(room), await join(room)];

    for (let n = 1; n <= 100; n++) ana.send(volatile(n));
    await bob.inbox.take("message", ({ data }) => data === 100);

    const received = messagesOf(bob).map(({ data }) => Number(data));
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    expect(new Set(received).size).toBe(received.length);
    expect(received.length).toBeLessThan(100);
  });
});

describe("messages that are sent at the same time", () => {
  it("[F4 G10] a busy room sends all messages, in fewer frames than messages", async () => {
    const room = uniqueRoom("game");
    const members = await Promise.all(
      Array.from({ length: 20 }, () => join(room, { query: { mode: "count" } })),
    );
    const [bob] = members as [(typeof members)[0]];
    vi.setSystemTime(Date.now()); // The clock stops, so no flush delay ends by itself.
    onTestFinished(() => void vi.useRealTimers());

    for (let n = 0; n < 10; n++)
      for (const member of members) member.send({ type: "publish", event: "e", data: n });
    await bob.inbox.take("message", ({ offset }) => offset === 200);

    expect(bob.inbox.messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 200 }, (_, n) => n + 1),
    );
    expect(bob.inbox.texts.length).toBeLessThan(200);
  });
});
