import { describe, expect, it } from "vitest";
import { uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

describe("a member that leaves", () => {
  it("[J10] a view-only client receives one reply to its leave", async () => {
    const eve = await join(uniqueRoom(), { query: { view: "1" } });

    eve.send({ type: "leave", ref: 1 });
    await eve.closed;

    expect(eve.inbox.all.filter(({ type }) => type === "ack")).toEqual([{ type: "ack", ref: 1 }]);
  });
});
