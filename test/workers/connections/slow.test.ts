import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HistoryFrame } from "../../../src/protocol/frames.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { buffer, withoutBufferedAmount } from "../support/buffered.ts";
import { oneTo, pass, publishBig, Reader, WINDOW } from "../support/reader.ts";
import { inRoom, infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

/** The bound, and what a welcome may be on top of it. */
const WELCOME = 65_536;
const MAX = OPTIONS.maxBufferedBytes.default;

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

describe("a WebSocket member of which the runtime tells that it does not read", () => {
  it("[G7 L6] is cut off before more is queued for it, misses nothing when it comes back, and the others go on", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await join(room)];
    await ana.publish("chat", 1);
    await bob.inbox.take("message");
    await buffer(room, bob, MAX + WELCOME);

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

  it("[G7 L6] is cut off as well when what would be queued is someone's join", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX + WELCOME);

    const cem = await join(room);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(await cem.welcome()).toMatchObject({ count: 3 });
    expect(await ana.inbox.take("presence", ({ count }) => count === 3)).toMatchObject({
      joined: [{ id: cem.member }],
    });
  });

  it("[G9 J5 L6] that comes back in the very turn that cuts it off stays a member", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    await inRoom(room, ({ storage }) => {
      storage.sql.exec("INSERT INTO member (id, session, user) VALUES ('ghost', 'ghost', '')");
    });
    await buffer(room, bob, MAX + WELCOME);

    // The join wakes the room: the ghost's departure is told, and the old connection cut off, before bob is let in.
    const back = await rejoin(room, bob);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(await back.publish("chat", 1)).toMatchObject({ type: "ack" });
  });

  it("[G9 L6 M2] in a room without grace has departed, and the others are told", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX + WELCOME);

    await ana.publish("chat", 1);

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[L6] is let be while what is queued is within maxBufferedBytes", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX - 1_000);

    await ana.publish("chat", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
  });
});

describe("a WebSocket member that never says what it has read, where the runtime does not tell either", () => {
  const ALLOWANCE = OPTIONS.allowanceChars.default;

  beforeEach(withoutBufferedAmount);

  it("[G7 L6] is closed slow before it is sent more than its allowance beyond its welcome, and the others go on", async () => {
    const room = uniqueRoom("chat");
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    const welcomeChars = bob.chars;

    await publishBig(ana, 20);

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(bob.chars - welcomeChars).toBeLessThanOrEqual(ALLOWANCE);
    expect(bob.chars - welcomeChars).toBeGreaterThan(ALLOWANCE - 61_000);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    await ana.inbox.until(({ messages }) => messages.length === 20);
  });

  it("[G4 G7 L6] comes back by its position as often as it takes, each time goes further, and has everything once", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const visits = [await Reader.join(room, { flow: false })];
    await publishBig(ana, 60);

    for (let bob = visits[0]; bob !== undefined && visits.length < 10;) {
      const hasAll = bob.inbox.until(({ position }) => position.endsWith(":60")).then(() => true);
      if (await Promise.race([hasAll.catch(() => false), bob.member.closed.then(() => false)])) break;
      expect(await bob.member.closed).toMatchObject({ code: 4003 });
      visits.push((bob = await bob.rejoin()));
    }

    expect(visits.flatMap(({ offsets }) => offsets)).toEqual(oneTo(60));
    expect(visits).toHaveLength(4);
  });

  it("[L6 A6] that leaves as its allowance ends has left, and is not told to come back", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    await publishBig(ana, 17);

    bob.member.send([{ type: "publish", event: "last", data: "x".repeat(50_000) }, { type: "leave" }]);

    expect(await bob.member.closed).toMatchObject({ code: 4507 });
    expect(await ana.inbox.take("message", ({ event }) => event === "last")).toMatchObject({ offset: 18 });
  });

  it("[L6 L5] has a window from its first word of what it has read on", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    await publishBig(ana, 6);

    const { behind } = await bob.report(bob.chars - 100_000);
    await publishBig(ana, 6);
    const { sent, seen } = await bob.settled();
    await bob.catchUp();

    expect(behind).toBeUndefined();
    expect(sent - (seen ?? 0)).toBeLessThanOrEqual(WINDOW);
    expect(bob.offsets).toEqual(oneTo(12));
  });

  it("[L6 L5] that has more unread than a window when it first says so is sent nothing more before it reads", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    await publishBig(ana, 10);

    const before = await bob.report(1);
    await publishBig(ana, 1);

    expect(await bob.settled()).toMatchObject({ sent: before.sent, behind: 10 });
  });
});

describe("a WebSocket member that says it has read what it has not", () => {
  it("[L5 G7] a client that reports unread data as read is sent at most a window beyond the queue, continues when that drains, and receives everything once", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    const queued = 3 * WINDOW; // which may be as few characters as fill the window
    const report = await buffer(room, bob.member, queued);

    await publishBig(ana, 4);
    for (let n = 0; n < 20; n++) {
      bob.member.send({ type: "seen", chars: 1e9 });
      await publishBig(ana, 1);
    }
    const stuck = await bob.settled();
    report(0);
    await vi.waitFor(async () => expect((await bob.sendWindow())?.said).toBeUndefined());
    pass(60_000); // the room has checked several times meanwhile, each time a little later
    await bob.catchUp();

    expect(stuck).toMatchObject({ behind: expect.any(Number) as number, said: stuck.sent });
    expect(stuck.sent - queued / 3).toBeLessThanOrEqual(WINDOW);
    expect(bob.offsets).toEqual(oneTo(24));
  });

  it("[L5 L6] a client that reports unread data as read is closed with slow after allowanceChars beyond its welcome, where the runtime reports nothing", async () => {
    withoutBufferedAmount();
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    const welcomeChars = bob.chars;
    let isOpen = true;
    void bob.member.closed.then(() => (isOpen = false));

    for (let n = 0; n < 20; n++) {
      if (isOpen) bob.member.send({ type: "seen", chars: 1e9 });
      await publishBig(ana, 1);
    }

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(bob.chars - welcomeChars).toBeLessThanOrEqual(OPTIONS.allowanceChars.default);
    expect(bob.chars - welcomeChars).toBeGreaterThan(OPTIONS.allowanceChars.default - 61_000);
  });

  it("[L5 S4] a reader of events has no allowance, because the server's own Worker reports for it", async () => {
    withoutBufferedAmount();
    const room = uniqueRoom();
    const [ana, bob] = [await joinSse(room), await joinSse(room)];

    await publishBig(ana, 30);
    await bob.inbox.until(({ position }) => position.endsWith(":30"));

    expect(bob.inbox.messages.map(({ offset }) => offset)).toEqual(oneTo(30));
  });
});

describe("answers to a member that does not read", () => {
  /** A room with half a window of messages, and a member that has read none of them. */
  async function halfRead(): Promise<Reader> {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 5, 30_000);
    return bob;
  }

  it("[L7 G7] are sent beyond its window, up to twice as much, and then it is closed slow", async () => {
    const bob = await halfRead();

    for (let ref = 1; ref <= 20; ref++) {
      pass(1_000);
      bob.member.send({ type: "history", ref, limit: 1 });
    }

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(bob.chars).toBeGreaterThan(WINDOW * 1.5);
    expect(bob.chars).toBeLessThanOrEqual(WINDOW * 2);
  });

  it("[L7 A8] large answers are each sent whole to a connection within its window, page by page", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    await publishBig(ana, 15);
    const bob = await Reader.join(room);
    await ana.publish("e", 1);

    const messages = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      bob.member.send({ type: "history", ref: 1, limit: 500, after });
      const page: HistoryFrame = await bob.inbox.take("history");
      messages.push(...page.messages);
      after = page.next;
      await bob.report();
    }

    expect(messages).toHaveLength(16);
    expect(bob.chars).toBeGreaterThan(WINDOW * 3);
    expect(await bob.member.publish("e", 2)).toMatchObject({ offset: 17 });
  });

  it("[L7 G10] to many acts of one frame are sent no further than that either", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    await publishBig(ana, 5);
    const bob = await Reader.join(room);
    await bob.report();

    bob.member.send(Array.from({ length: 64 }, (_, n) => ({ type: "history", ref: n + 1, after: 0 })));

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(bob.inbox.all.filter(({ type }) => type === "history").length).toBeGreaterThan(0);
    expect(bob.chars).toBeLessThanOrEqual(WINDOW * 2);
  });

  it("[L7 P4 L5] do not move it on while it is sent the log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 8);

    expect(await bob.member.publish("mine", 1, { ref: 1 })).toEqual({ type: "ack", ref: 1, offset: 9 });
    await bob.catchUp();

    expect(bob.offsets).toEqual(oneTo(9));
  });
});
