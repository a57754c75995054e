import { describe, expect, it } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { kinds } from "../../../src/rooms.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

describe("the content of the welcome", () => {
  it.each([
    ["WebSocket", join],
    ["SSE", joinSse],
  ])(
    "[W1 V1 G2] the welcome over %s has the protocol, the client's identity, the time and durable history",
    async (_what, joinBy) => {
      const before = Date.now();

      const ana = await joinBy(uniqueRoom());
      const welcome = await ana.welcome();

      expect(welcome).toMatchObject({
        type: "welcome",
        protocol: 1,
        session: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        key: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        member: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        history: "durable",
      });
      expect(welcome.time).toBeGreaterThanOrEqual(before);
      expect(welcome.time).toBeLessThanOrEqual(Date.now());
      expect(welcome).not.toHaveProperty("user");
    },
  );

  it("[W5] the welcome has the intervals and limits of its kind", async () => {
    const welcome = await (await join(uniqueRoom("game"))).welcome();

    expect(welcome.pingIntervalMs).toBe(OPTIONS.pingIntervalMs.default);
    expect(welcome.silenceTimeoutMs).toBe(OPTIONS.silenceTimeoutMs.default);
    expect(welcome.limits).toEqual({
      maxFrameBytes: kinds.game.maxFrameBytes,
      maxPresenceBytes: OPTIONS.maxPresenceBytes.default,
      maxRefusals: OPTIONS.maxRefusals.default,
      maxStateKeys: OPTIONS.maxStateKeys.default,
      maxStateBytes: OPTIONS.maxStateBytes.default,
      windowChars: OPTIONS.windowChars.default,
      messagesPerSecond: kinds.game.messagesPerSecond,
      messagesBurst: kinds.game.messagesBurst,
      bytesPerSecond: OPTIONS.bytesPerSecond.default,
      bytesBurst: OPTIONS.bytesBurst.default,
    });
  });

  it("[W1] the welcome contains no secrets of other members", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await join(room);

    const text = bob.inbox.texts.join();

    expect(text).not.toContain(ana.session);
    expect(text).not.toContain(ana.key);
  });
});

describe("positions in the welcome", () => {
  it("[W2] in a new room both position and head are the log's start", async () => {
    const welcome = await (await join(uniqueRoom())).welcome();

    expect(welcome.position).toMatch(/^[A-Za-z0-9_-]{1,32}:0$/);
    expect(welcome.head).toBe(welcome.position);
    expect(welcome).not.toHaveProperty("recovered");
  });

  it("[W2] without a replay position and head are the end of the log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("chat", "hi");

    const welcome = await (await join(room)).welcome();

    expect(welcome.position).toBe(ana.position);
    expect(welcome.head).toBe(ana.position);
  });

  it("[W2] with a replay, position is the start of the replay, and head the end of the log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const start = ana.position;
    await ana.publish("chat", "hi");

    const welcome = await (await join(room, { after: start })).welcome();

    expect(welcome).toMatchObject({ position: start, head: ana.position, recovered: true });
    expect(welcome).not.toHaveProperty("reason");
  });

  it("[W3] recovered is absent from the welcome of a client that only rewinds", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("chat", "hi");

    const bob = await join(room, { query: { rewind: "1" } });

    expect(await bob.welcome()).not.toHaveProperty("recovered");
    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
  });

  it("[W3 G4] a client that missed nothing is recovered, and nothing is replayed", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("chat", "hi");

    const again = await join(room, { key: ana.key, after: ana.position });
    await again.publish("chat", "there", { ref: 2 });

    expect(await again.welcome()).toMatchObject({
      recovered: true,
      position: ana.position,
      head: ana.position,
    });
    expect(again.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
  });
});

describe("members in the welcome", () => {
  it("[W4] in the mode list the welcome lists all members including the new one, with their presence data", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await join(room, { presence: null });

    const cem = await joinSse(room, { presence: { name: "Cem" } });
    const welcome = await cem.welcome();

    expect(welcome).toMatchObject({ mode: "list", count: 3 });
    expect(welcome.members).toHaveLength(3);
    expect(welcome.members).toEqual(
      expect.arrayContaining([
        { id: ana.member },
        { id: bob.member, data: null },
        { id: cem.member, data: { name: "Cem" } },
      ]),
    );
  });

  it("[W4] in the mode count the welcome has only the number of members", async () => {
    const room = uniqueRoom();
    await join(room);

    const welcome = await (await join(room, { query: { mode: "count" } })).welcome();

    expect(welcome).toMatchObject({ mode: "count", count: 2 });
    expect(welcome).not.toHaveProperty("members");
  });

  it("[W4] the welcome has the newest presence data of each member", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { presence: 1 });
    await ana.setPresence(2);

    const bob = await join(room);

    expect((await bob.welcome()).members).toContainEqual({ id: ana.member, data: 2 });
  });
});
