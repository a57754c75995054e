import { describe, expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { evict, inRoom, infoOf, uniqueRoom } from "../support/rooms.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

describe("a close by the client", () => {
  it.each([
    ["code 1000 and a reason", 1000, "bye", { code: 1000, reason: "bye" }],
    ["code 3001 and a reason", 3001, "own reasons", { code: 3001, reason: "own reasons" }],
    ["code 4999", 4999, "", { code: 4999, reason: "" }],
    ["the longest reason", 1000, "é".repeat(61), { code: 1000, reason: "é".repeat(61) }],
  ])(
    "[C2] a close with %s is answered with the same code and reason",
    async (_what, code, reason, expected) => {
      const ana = await join(uniqueRoom());

      ana.close(code, reason);

      expect(await ana.closed).toEqual(expected);
    },
  );

  it("[C2] the room answers a close without a code", async () => {
    const ana = await join(uniqueRoom());

    ana.close();

    expect([1000, 1005]).toContain((await ana.closed).code);
  });

  it("[C2 G6] a hibernating room answers a close", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await evict(room);

    ana.close(1000, "good night");

    expect(await ana.closed).toEqual({ code: 1000, reason: "good night" });
    expect(await infoOf(room)).toMatchObject({ members: 0 });
  });

  it("[C2 J5] the room answers the close of a replaced socket, and nothing else changes", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { allowHalfOpen: true });
    const again = await join(room, { key: ana.key });
    await ana.closed;

    ana.close(1000, "late");
    await again.publish("mark", 1);

    expect(again.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message", "ack"]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });
});

describe("a close by the server", () => {
  it("[C1] the server closes connections with the codes of the table", async () => {
    const room = uniqueRoom();
    const [left, replaced, abuse] = [await join(room), await join(room), await join(room)];
    const version = await joinWebSocket(room, { protocols: ["x"] });
    left.send({ type: "leave" });
    await join(room, { key: replaced.key });
    for (let n = 0; n < 4; n++) abuse.send(Array.from({ length: 64 }, () => 0));

    const closes = await Promise.all([left, replaced, abuse, version].map(({ closed }) => closed));

    expect(closes).toEqual(
      (["left", "replaced", "abuse", "version"] as const).map((name) => ({
        code: CLOSE_CODES[name].code,
        reason: CLOSE_CODES[name].text,
      })),
    );
  });

  it("[C1 G9] a member leaves when the room closes its connection, although its client never answers the close", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room, { allowHalfOpen: true })];

    bob.send({ type: "leave" });
    await bob.closed;
    await ana.inbox.take("presence", (frame) => frame.left !== undefined);
    await evict(room);
    await ana.publish("mark", 1);

    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(await inRoom(room, (state) => state.getWebSockets().length)).toBeGreaterThan(0);
    expect(
      ana.inbox.all.filter((frame) => frame.type === "presence" && frame.left !== undefined),
    ).toHaveLength(1);
  });
});
