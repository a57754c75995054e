import { afterEach, describe, expect, it } from "vitest";
import { OPTIONS } from "../../src/config/options.ts";
import { evict, inRoom, infoOf, uniqueRoom } from "./support/rooms.ts";
import { join, rejoin, type WebSocketMember } from "./support/websocket.ts";

const MAX = OPTIONS.maxBufferedBytes.default;

// This runtime (workerd 1.20261023) does not tell what a socket has buffered; that of production does, under this name.
afterEach(() => {
  Reflect.deleteProperty(WebSocket.prototype, "bufferedAmount");
});

/** Has the runtime tell that so much is buffered for a member, and nothing for the others. */
async function buffer(room: string, { member }: WebSocketMember, bytes: number): Promise<void> {
  await inRoom(room, (state) => {
    const socket = state.getWebSockets().find((each) => {
      return (each.deserializeAttachment() as { readonly member?: string }).member === member;
    });
    Object.defineProperty(WebSocket.prototype, "bufferedAmount", {
      configurable: true,
      get(this: WebSocket) {
        return this === socket ? bytes : 0;
      },
    });
  });
}

describe("a WebSocket member that does not read", () => {
  it("[G7 L5] is cut off before more is queued for it, misses nothing when it comes back, and the others go on", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await join(room)];
    await ana.publish("chat", 1);
    await bob.inbox.take("message");
    await buffer(room, bob, MAX + 1);

    expect(await ana.publish("chat", 2)).toMatchObject({ type: "ack", offset: 2 });
    expect(await ana.publish("chat", 3)).toMatchObject({ type: "ack", offset: 3 });

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(bob.inbox.messages.map(({ offset }) => offset)).toEqual([1]);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    const back = await rejoin(room, bob);
    await back.inbox.take("position");
    expect(back.inbox.messages.map(({ offset }) => offset)).toEqual([2, 3]);
    expect(ana.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1);
  });

  it("[G7 L5] is cut off as well when what would be queued is someone's join", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX + 1);

    const cem = await join(room);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(await cem.welcome()).toMatchObject({ count: 3 });
    expect(await ana.inbox.take("presence", ({ count }) => count === 3)).toMatchObject({
      joined: [{ id: cem.member }],
    });
  });

  it("[G9 J5 L5] that comes back in the very turn that cuts it off stays a member", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    await inRoom(room, ({ storage }) => {
      storage.sql.exec("INSERT INTO member (id, session, user) VALUES ('ghost', 'ghost', '')");
    });
    await evict(room);
    await buffer(room, bob, MAX + 1);

    // The join wakes the room: the ghost's departure is told, and the old connection cut off, before bob is let in.
    const back = await rejoin(room, bob);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(await back.publish("chat", 1)).toMatchObject({ type: "ack" });
  });

  it("[G9 L5 M2] in a room without grace has departed, and the others are told", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX + 1);

    await ana.publish("chat", 1);

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[L5] is let be while what is queued is within maxBufferedBytes", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX);

    await ana.publish("chat", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
  });
});
