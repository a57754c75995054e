import { describe, expect, it } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { buffer } from "../support/buffered.ts";
import { presenceOf } from "../support/rosters.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { join } from "../support/websocket.ts";

/** More than may be queued for a member, with its welcome. */
const TOO_MUCH = OPTIONS.maxBufferedBytes.default + 65_536;

describe("a member that leaves", () => {
  it("[G9 L6] a member that leaves in the turn that closes its slow connection is announced as left only once", async () => {
    const room = uniqueRoom("cursors");
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, TOO_MUCH);

    // The history request sends the message first. The queue of bob is full, so that closes his connection.
    bob.send([{ type: "publish", event: "e" }, { type: "history" }, { type: "leave" }]);
    await bob.closed;
    await ana.publish("e", 2);

    const leaves = presenceOf(ana).flatMap(({ left }) => left ?? []);
    expect(leaves).toEqual([{ id: bob.member, reason: "left" }]);
  });

  it("[J10] a view-only client receives one reply to its leave", async () => {
    const eve = await join(uniqueRoom(), { query: { view: "1" } });

    eve.send({ type: "leave", ref: 1 });
    await eve.closed;

    expect(eve.inbox.all.filter(({ type }) => type === "ack")).toEqual([{ type: "ack", ref: 1 }]);
  });
});
