import { describe, expect, it } from "vitest";
import { crash, evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

/** Publishes `count` messages with their numbers as data, a few in each frame. */
async function publish(member: WebSocketMember, count: number, perFrame = 10): Promise<void> {
  const first = member.inbox.messages.length;
  for (let done = 0; done < count; done += perFrame) {
    const size = Math.min(perFrame, count - done);
    member.send(
      Array.from({ length: size }, (_, index) => ({
        type: "publish",
        event: "n",
        data: first + done + index + 1,
      })),
    );
  }
  await member.inbox.until(({ messages }) => messages.length >= first + count);
}

/** The frames after the welcome, as texts. */
function replayOf(member: WebSocketMember): string[] {
  return member.inbox.texts.slice(1);
}

describe("positions", () => {
  it("[P1] an epoch is random, and not a counter", async () => {
    const rooms = Array.from({ length: 5 }, () => uniqueRoom());
    const positions = await Promise.all(rooms.map(async (room) => (await join(room)).position));

    for (const position of positions) expect(position).toMatch(/^[A-Za-z0-9_-]{1,32}:0$/);
    expect(new Set(positions).size).toBe(positions.length);
    expect(new Set(positions.map((position) => position.slice(0, 4))).size).toBe(positions.length);
  });

  it("[P1 G6] a room keeps its epoch through a hibernation and a crash", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    await evict(room);
    const bob = await join(room);
    await crash();
    const cem = await join(room);

    expect(bob.position).toBe(ana.position);
    expect(cem.position).toBe(ana.position);
  });

  it("[P2 G1] offsets are 1, 2, 3 … without a gap, in the same order for every member", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];

    for (let n = 1; n <= 10; n++) {
      ana.send({ type: "publish", event: "a", data: n });
      bob.send([
        { type: "publish", event: "b", data: n },
        { type: "publish", event: "b", data: -n },
      ]);
      void cem.post({ type: "publish", event: "c", data: n });
    }
    await Promise.all(
      [ana, bob, cem].map(({ inbox }) => inbox.until(({ messages }) => messages.length === 40)),
    );

    expect(ana.inbox.messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
    expect(cem.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[P3 G4] a client that moves its position by welcome, message and position frames misses nothing", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await join(room);
    await publish(ana, 3);
    await bob.inbox.until(({ messages }) => messages.length === 3);
    bob.close(1000);
    await publish(ana, 4);
    const again = await rejoin(room, bob);
    await again.inbox.take("position");
    again.close(1000);
    await publish(ana, 5);
    const last = await rejoin(room, again);
    await last.inbox.take("position");

    const seen = [bob, again, last].flatMap(({ inbox }) => inbox.messages.map(({ offset }) => offset));

    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe("replay", () => {
  it("[P4 W3 G4] missed messages are sent as arrays, then a position, then live messages", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    await publish(ana, 3, 1);

    const bob = await join(room, { after: start });
    await ana.publish("live", null);
    await bob.inbox.take("message", ({ event }) => event === "live");

    const [replay, position, live] = replayOf(bob).map((text) => JSON.parse(text) as unknown);
    expect(replay).toEqual(ana.inbox.messages.slice(0, 3));
    expect(position).toEqual({ type: "position", position: `${start.split(":")[0]}:3`, reason: "replayed" });
    expect(live).toMatchObject({ type: "message", offset: 4 });
  });

  it("[P4] a single missed message is sent in an array", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    await publish(ana, 1);

    const bob = await join(room, { after: start, as: "json" });
    await bob.inbox.take("position");

    expect(replayOf(bob)[0]).toBe(`[${JSON.stringify(ana.inbox.messages[0])}]`);
  });

  it("[G4] a client that received no message before its connection was lost receives all of them", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await join(room);
    bob.close(1000);
    await bob.closed;
    await publish(ana, 2);

    const again = await rejoin(room, bob);
    await again.inbox.take("position");

    expect(again.inbox.messages.map(({ offset }) => offset)).toEqual([1, 2]);
  });

  // One frame is one row of the log: offsets 1-7, then 8-14.
  it.each([0, 1, 3, 6, 7, 8, 13, 14])(
    "[G4 P4] a client at offset %i of two rows of seven receives exactly the remaining messages",
    async (offset) => {
      const room = uniqueRoom();
      const ana = await join(room);
      await publish(ana, 14, 7);

      await evict(room);
      const bob = await join(room, { after: `${ana.position.split(":")[0]}:${offset}` });
      await ana.publish("live", null);
      await bob.inbox.take("message", ({ event }) => event === "live");

      expect(await bob.welcome()).toMatchObject({ recovered: true });
      expect(bob.inbox.messages).toEqual(ana.inbox.messages.slice(offset));
    },
  );

  it("[P4 G4] clients that join during a burst of messages receive every message once", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    for (let n = 0; n < 60; n++) ana.send({ type: "publish", event: "n", data: n });
    const joiners = await Promise.all(Array.from({ length: 8 }, () => join(room, { after: start })));
    for (let n = 0; n < 40; n++) ana.send({ type: "publish", event: "n", data: n });

    for (const { inbox } of joiners) {
      await inbox.until(({ messages }) => messages.at(-1)?.offset === 100);
      expect(inbox.messages.map(({ offset }) => offset)).toEqual(
        Array.from({ length: 100 }, (_, index) => index + 1),
      );
    }
  });

  it("[P4] a long replay is sent in several frames, none much larger than 256 KiB", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    const data = "x".repeat(50_000);
    for (let n = 0; n < 5; n++) await ana.publish("big", data);
    await evict(room); // The message budget of the client is full again.
    for (let n = 0; n < 5; n++) await ana.publish("big", data);

    const bob = await join(room, { after: start });
    await bob.inbox.take("position");

    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
    expect(replayOf(bob).length).toBeGreaterThan(2);
    for (const text of replayOf(bob)) expect(text.length).toBeLessThan(262_144 + 1000);
  });
});

describe("rewind", () => {
  it.each([
    [0, []],
    [1, [5]],
    [3, [3, 4, 5]],
    [5, [1, 2, 3, 4, 5]],
    [999_999_999, [1, 2, 3, 4, 5]],
  ])("[J6] rewind=%i of five messages replays %j", async (rewind, expected) => {
    const room = uniqueRoom();
    const ana = await join(room);
    await publish(ana, 5);

    const bob = await join(room, { query: { rewind: String(rewind) } });
    await bob.publish("live", null);

    expect(bob.inbox.messages.map(({ offset }) => offset)).toEqual([...expected, 6]);
  });

  it("[J6] rewind in a room without messages replays nothing", async () => {
    const ana = await join(uniqueRoom(), { query: { rewind: "10" } });
    await ana.publish("live", null);

    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
  });

  it("[J6] the parameter after overrides rewind, and Last-Event-ID overrides both", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const at = (offset: number): string => `${ana.position.split(":")[0]}:${offset}`;
    await publish(ana, 5);

    const bob = await join(room, { after: at(4), query: { rewind: "3" } });
    const cem = await joinSse(room, { after: at(4), lastEventId: at(2), query: { rewind: "5" } });
    await Promise.all([bob.inbox.take("position"), cem.inbox.take("position")]);

    expect(bob.inbox.messages.map(({ offset }) => offset)).toEqual([5]);
    expect(cem.inbox.messages.map(({ offset }) => offset)).toEqual([3, 4, 5]);
  });
});

describe("positions that cannot be resumed", () => {
  it.each([
    ["malformed", () => "nonsense"],
    ["malformed", (epoch: string) => `${epoch}:-1`],
    ["malformed", (epoch: string) => `${epoch}:01`],
    ["malformed", (epoch: string) => `${epoch}:1.5`],
    ["malformed", (epoch: string) => `${epoch}:9007199254740992`],
    ["malformed", (epoch: string) => `${epoch}:`],
    ["malformed", () => "~closed"],
    ["malformed", () => `${"e".repeat(33)}:1`],
    ["epoch", () => "other:1"],
    ["epoch", (epoch: string) => `${epoch}x:1`],
    ["ahead", (epoch: string) => `${epoch}:3`],
    ["ahead", (epoch: string) => `${epoch}:9007199254740991`],
  ] as const)(
    "[P5 W3] a position that is rejected as %s replays nothing, and the client starts at the head (case %#)",
    async (reason, positionOf) => {
      const room = uniqueRoom();
      const ana = await join(room);
      await publish(ana, 2);

      const bob = await join(room, { after: positionOf(ana.position.split(":")[0] ?? "") });
      await bob.publish("live", null);

      expect(await bob.welcome()).toMatchObject({
        recovered: false,
        reason,
        position: ana.position.replace(/:3$/, ":2"),
        head: ana.position.replace(/:3$/, ":2"),
      });
      expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
    },
  );

  it("[P5 G4] a position of a deleted log is distinguished from positions of the new log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await publish(ana, 2);
    await inRoom(room, async ({ storage }) => storage.deleteAll());
    await crash();

    const again = await rejoin(room, ana);

    expect(await again.welcome()).toMatchObject({ recovered: false, reason: "epoch" });
    expect(await again.publish("chat", 1)).toMatchObject({ offset: 1 });
  });
});
