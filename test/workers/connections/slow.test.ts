import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HistoryFrame } from "../../../src/protocol/frames.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { buffer, withoutBufferedAmount } from "../support/buffered.ts";
import { oneTo, pass, publishBig, Reader, WINDOW } from "../support/reader.ts";
import { inRoom, infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

/** The limit of queued bytes, and the maximum size of a welcome, which does not count. */
const WELCOME = 65_536;
const MAX = OPTIONS.maxBufferedBytes.default;

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

describe("a WebSocket member whose queued data the runtime reports", () => {
  it("[G7 L6] a member that does not read is closed before more is queued, misses nothing after it reconnects, and does not delay others", async () => {
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

  it("[G7 L6] a member that does not read is also closed when a join would be queued", async () => {
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

  it("[G9 J5 L6] a slow member that reconnects in the turn that closes its connection stays a member", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    await inRoom(room, ({ storage }) => {
      storage.sql.exec("INSERT INTO member (id, session, user) VALUES ('ghost', 'ghost', '')");
    });
    await buffer(room, bob, MAX + WELCOME);

    // The join wakes the room. It announces that the ghost has left, and closes the old connection, before bob joins.
    const back = await rejoin(room, bob);

    expect(await bob.closed).toMatchObject({ code: 4003 });
    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(await back.publish("chat", 1)).toMatchObject({ type: "ack" });
  });

  it("[G9 L6 M2] a slow member of a room without grace leaves when it is closed, and the others are notified", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX + WELCOME);

    await ana.publish("chat", 1);

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ id: bob.member, reason: "disconnected" }],
      count: 1,
    });
  });

  it("[L6] a member stays connected while its queued data is within maxBufferedBytes", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await buffer(room, bob, MAX - 1_000);

    await ana.publish("chat", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ offset: 1 });
  });
});

describe("a WebSocket member that sends no reports, where the runtime does not report queued data", () => {
  const ALLOWANCE = OPTIONS.allowanceChars.default;

  beforeEach(withoutBufferedAmount);

  it("[G7 L6] a member without reports is closed with slow before it is sent more than its allowance, and does not delay others", async () => {
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

  it("[G4 G7 L6] a member that is closed repeatedly resumes from its position each time, and receives everything once", async () => {
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

  it("[L6 A6] a member that leaves as its allowance ends is closed as left, and not as slow", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    await publishBig(ana, 17);

    bob.member.send([{ type: "publish", event: "last", data: "x".repeat(50_000) }, { type: "leave" }]);

    expect(await bob.member.closed).toMatchObject({ code: 4507 });
    expect(await ana.inbox.take("message", ({ event }) => event === "last")).toMatchObject({ offset: 18 });
  });

  it("[L6 L5] a member has a send window from its first report on", async () => {
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

  it("[L6 L5] a member with more than a window unread at its first report is sent nothing more before it reads", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room, { flow: false });
    await publishBig(ana, 10);

    const before = await bob.report(1);
    await publishBig(ana, 1);

    expect(await bob.settled()).toMatchObject({ sent: before.sent, behind: 10 });
  });
});

describe("a WebSocket member that reports unread data as read", () => {
  it("[L5 G7] a client that reports unread data as read is sent at most a window beyond the queue, continues when that drains, and receives everything once", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    const queued = 3 * WINDOW; // At three bytes each, these may be only as many characters as fill the window.
    const report = await buffer(room, bob.member, queued);

    await publishBig(ana, 4);
    for (let n = 0; n < 20; n++) {
      bob.member.send({ type: "seen", chars: 1e9 });
      await publishBig(ana, 1);
    }
    const stuck = await bob.settled();
    report(0);
    await vi.waitFor(async () => expect((await bob.sendWindow())?.said).toBeUndefined());
    pass(60_000); // The room has checked several times meanwhile, each time a little later.
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

describe("replies to a member that does not read", () => {
  /** A room with half a window of messages, and a member that has read none of them. */
  async function halfRead(): Promise<Reader> {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 5, 30_000);
    return bob;
  }

  it("[L7 G7] replies may exceed the window up to twice its size, and then the member is closed with slow", async () => {
    const bob = await halfRead();

    for (let ref = 1; ref <= 20; ref++) {
      pass(1_000);
      bob.member.send({ type: "history", ref, limit: 1 });
    }

    expect(await bob.member.closed).toMatchObject({ code: 4003 });
    expect(bob.chars).toBeGreaterThan(WINDOW * 1.5);
    expect(bob.chars).toBeLessThanOrEqual(WINDOW * 2);
  });

  it("[L7 A8] a connection within its window is sent each large reply whole, page by page", async () => {
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

  it("[L7 G10] replies to many acts of one frame stay within the same limit", async () => {
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

  it("[L7 P4 L5] a reply does not move the position of a member that is sent the log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 8);

    expect(await bob.member.publish("mine", 1, { ref: 1 })).toEqual({ type: "ack", ref: 1, offset: 9 });
    await bob.catchUp();

    expect(bob.offsets).toEqual(oneTo(9));
  });
});
