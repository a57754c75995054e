import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import type { Member } from "../../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

/** What one heard, recorded or not. */
function heardBy({ inbox }: Member): MessageFrame[] {
  return inbox.all.flatMap((frame) => (frame.type === "message" ? [frame] : []));
}

/** A volatile message, as it is sent. */
function volatile(data: number, more: object = {}): object {
  return { type: "publish", event: "move", data, volatile: true, ...more };
}

describe("volatile messages that wait to be told", () => {
  it("[A4 G8] the newest of a sender, event and key takes the place of the older, over either transport", async () => {
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
      const moves = heardBy(reader).filter(({ offset }) => offset === undefined);
      expect(moves.map(({ data }) => data)).toEqual([2, 4, 5]);
    }
  });

  it("[A4 G8] those of others, and those for others, stand for themselves", async () => {
    const room = uniqueRoom();
    const [ana, bob, eve] = [await join(room), await join(room), await join(room)];

    ana.send([volatile(1), volatile(2, { to: [eve.member] }), volatile(3, { to: [bob.member] })]);
    bob.send(volatile(4));
    await ana.inbox.take("message", ({ data }) => data === 4);
    await ana.publish("end", 0);
    await eve.inbox.take("message", ({ event }) => event === "end");

    const heard = heardBy(eve).filter(({ offset }) => offset === undefined);
    expect(heard.map(({ data }) => data)).toEqual([1, 2, 4]);
  });

  it("[A1 A4 G1] recorded ones never do", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    ana.send([1, 2, 3].map((data) => ({ type: "publish", event: "move", data })));
    await bob.inbox.take("message", ({ offset }) => offset === 3);

    expect(bob.inbox.messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it("[A4 G8] in a kind that tells them seldom, the newest comes all the same, and the order stays", async () => {
    const room = uniqueRoom("cursors");
    const [ana, bob] = [await join(room), await join(room)];

    for (let n = 1; n <= 100; n++) ana.send(volatile(n));
    await bob.inbox.take("message", ({ data }) => data === 100);

    const heard = heardBy(bob).map(({ data }) => Number(data));
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
    expect(new Set(heard).size).toBe(heard.length);
    expect(heard.length).toBeLessThan(100);
  });
});

describe("what is said at once", () => {
  it("[F4 G10] comes in fewer frames than messages while the room is busy, and all of it", async () => {
    const room = uniqueRoom("game");
    const members = await Promise.all(
      Array.from({ length: 20 }, () => join(room, { query: { mode: "count" } })),
    );
    const [bob] = members as [(typeof members)[0]];
    vi.setSystemTime(Date.now()); // The clock stands still, and so does what it has to wait for.
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
