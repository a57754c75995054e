import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { infoOf, uniqueRoom } from "./support/rooms.ts";
import { pass } from "./support/reader.ts";
import { join, upgrade } from "./support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

describe("a connection whose client disconnected during the handshake", () => {
  it("[L4 G9] a connection whose client disconnected during the handshake is closed within seconds, because it never takes its welcome", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const ghost = await upgrade(room); // nobody accepts the socket
    await ana.inbox.take("presence", ({ joined }) => joined !== undefined);

    pass(10_000);
    await ana.publish("e", 1);

    const { left } = await ana.inbox.take("presence", (frame) => frame.left !== undefined);
    expect(left).toMatchObject([{ reason: "disconnected" }]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(ghost.status).toBe(101);
  });

  it("[L4 G10] a client that only listens is not mistaken for one that disconnected during the handshake", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    pass(10_000);
    await ana.publish("e", 1);

    await vi.waitFor(async () => expect(await infoOf(room)).toMatchObject({ members: 2 }));
    expect(await bob.inbox.take("message")).toMatchObject({ event: "e" });
  });
});
