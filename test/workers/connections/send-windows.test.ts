import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { oneTo, PAGE, pass, publishBig, Reader, WINDOW } from "../support/reader.ts";
import { evict, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join } from "../support/websocket.ts";

// The clock stops unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

describe("a member that agreed to report what it reads, and sends no report", () => {
  it("[G7 L5] a member that sends no report is sent one window and no more, and the others receive everything", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);

    await publishBig(ana, 10);

    const { sent, seen, behind } = await bob.settled();
    expect(sent).toBeLessThanOrEqual(WINDOW);
    expect(sent).toBeGreaterThan(WINDOW - 61_000);
    expect({ seen, behind }).toEqual({ seen: 0, behind: 4 });
    expect(bob.offsets).toEqual(oneTo(4));
    expect(ana.inbox.messages.map(({ offset }) => offset)).toEqual(oneTo(10));
  });

  it("[L5 G8] a member with half a window unread is sent no volatile message, and the others are", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    const whisper = (n: number): void =>
      ana.send({ type: "publish", event: "cursor", data: n, volatile: true });

    whisper(1);
    await publishBig(ana, 2);
    whisper(2);
    await publishBig(ana, 1);
    whisper(3);
    await ana.inbox.take("message", ({ data }) => data === 3);
    await bob.settled();

    const messages = bob.inbox.all.flatMap((frame) => (frame.type === "message" ? [frame] : []));
    expect(messages.map(({ offset, data }) => offset ?? data)).toEqual([1, 1, 2, 2, 3]);
    expect((await bob.settled()).behind).toBeUndefined();
  });

  it("[L5] a member loses a volatile message that does not fit its window, and stays live", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 2, 50_000);
    for (let n = 0; n < 3; n++) {
      pass(1_000);
      ana.send({ type: "publish", event: "loud", data: "x".repeat(60_000), volatile: true, key: `k${n}` });
    }
    await ana.inbox.until(
      ({ all }) => all.filter((frame) => "event" in frame && frame.event === "loud").length === 3,
    );

    const { sent, behind } = await bob.settled();

    expect(sent).toBeLessThanOrEqual(WINDOW);
    expect(behind).toBeUndefined();
  });

  it("[L5] replies and presence use the same window as messages", async () => {
    const room = uniqueRoom();
    const bob = await Reader.join(room);
    await bob.member.publish("e", 1);
    await join(room);

    const { sent } = await bob.settled();

    expect(bob.story).toEqual(["message", "ack", "presence"]);
    expect(sent).toBe(bob.chars);
  });
});

describe("a member that reports what it has read", () => {
  it("[L5 P4 G1 G4] a member that catches up is sent the log page by page, then a position, and is live again", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 40, 20_000);
    const before = (await bob.settled()).sent;
    const live = bob.texts.length;

    await bob.report();
    const first = bob.texts.slice(live);
    await bob.catchUp();
    await ana.publish("live", 1);
    await bob.inbox.take("message", ({ event }) => event === "live");

    expect(before).toBeLessThanOrEqual(WINDOW);
    expect(first.length).toBe(4);
    const replay = bob.texts.slice(live, -2);
    for (const page of replay) expect(page.length).toBeLessThanOrEqual(PAGE);
    for (const page of replay) expect(JSON.parse(page)).toBeInstanceOf(Array);
    expect(JSON.parse(bob.texts.at(-2) ?? "")).toEqual({
      type: "position",
      position: ana.position.replace(/\d+$/, "40"),
      reason: "replayed",
    });
    expect(bob.offsets).toEqual(oneTo(41));
    expect(bob.inbox.messages).toEqual(ana.inbox.messages);
  });

  it("[L5] a member that catches up is sent a message larger than a page in a frame of its own", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 8, 65_400);
    await bob.settled();
    const live = bob.texts.length;

    await bob.catchUp();

    const replay = bob.texts.slice(live, -1).map((text) => [JSON.parse(text) as unknown].flat());
    expect(replay.map(({ length }) => length)).toEqual(replay.map(() => 1));
    expect(bob.offsets).toEqual(oneTo(8));
  });

  it("[L5] a member that is behind is sent as much as it has read, and no more", async () => {
    const room = uniqueRoom();
    const ana = await joinSse(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 60, 20_000);
    await bob.settled();

    for (let read = WINDOW / 4; read <= WINDOW * 2; read += WINDOW / 4) {
      const { sent } = await bob.report(read);
      expect(sent - read).toBeLessThanOrEqual(WINDOW);
      expect(sent - read).toBeGreaterThan(WINDOW / 2);
    }
  });

  it("[L5 M1 M5] a member that catches up receives the list of members after the position if it has changed meanwhile", async () => {
    const room = uniqueRoom();
    const [ana, gone] = [await join(room), await join(room)];
    const bob = await Reader.join(room);
    await publishBig(ana, 6);
    gone.close(1000);
    await gone.closed;
    const cem = await join(room, { presence: "new" });

    await bob.catchUp();
    await ana.setPresence("live");
    await bob.inbox.take("presence", ({ updated }) => updated !== undefined);

    expect(bob.story).toEqual(["message", "position", "presence", "presence"]);
    const list = await bob.inbox.take("presence");
    const { members, ...rest } = list;
    expect(rest).toEqual({ type: "presence", mode: "list", roster: expect.any(String) as string, count: 3 });
    expect(new Map(members?.map(({ id, data }) => [id, data]))).toEqual(
      new Map([
        [ana.member, undefined],
        [bob.member.member, undefined],
        [cem.member, "new"],
      ]),
    );
    const { roster } = await (await Reader.join(room, { query: { view: "1" } })).member.welcome();
    expect(bob.inbox.all.findLast(({ type }) => type === "presence")).toMatchObject({ roster });
  });

  it("[L5 M3 M5] a member in the mode count that catches up receives only the number of members", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room, { query: { mode: "count" } });
    await publishBig(ana, 6);
    await join(room);

    await bob.catchUp();

    expect(bob.inbox.all.at(-1)).toEqual({
      type: "presence",
      mode: "count",
      roster: expect.any(String) as string,
      count: 3,
    });
  });

  it("[L5] a report of more than was sent counts as everything sent, and a report of less than before is ignored", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);

    const { sent, seen } = await bob.report(1e12);
    await bob.report(0);
    await publishBig(ana, 10);

    expect(seen).toBe(sent);
    expect((await bob.settled()).seen).toBe(sent);
    expect((await bob.settled()).sent - sent).toBeLessThanOrEqual(WINDOW);
  });

  it("[L5 A9 L1] a report of a client over its message budget is accepted", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 6);
    await bob.settled();
    for (let n = 0; n < 2; n++)
      bob.member.send(Array.from({ length: 64 }, () => ({ type: "publish", event: "v", volatile: true })));
    await bob.inbox.take("error", ({ code }) => code === "rate_limited");

    await bob.catchUp();

    expect(bob.offsets).toEqual(oneTo(6));
  });

  it("[A9 L5] a report by POST is acknowledged and has no effect", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 6);
    const before = await bob.settled();

    const answer = await post(room, bob.member, { type: "seen", chars: bob.chars });

    expect(answer).toMatchObject({ status: 200, body: { type: "ack" } });
    expect(await bob.settled()).toEqual(before);
  });

  it("[A9 F5] a report has no reply, and a report with an invalid total is rejected with bad_frame", async () => {
    const bob = await Reader.join(uniqueRoom());

    await bob.report();
    for (const chars of [-1, 1.5, "1", null]) bob.member.send({ type: "seen", chars });
    await bob.inbox.until(({ all }) => all.length >= 5);

    const codes = bob.inbox.all.slice(1).map((frame) => (frame.type === "error" ? frame.code : frame.type));
    expect(codes).toEqual(Array.from({ length: 4 }, () => "bad_frame"));
  });

  it("[G6 G7 L5] the sent and read totals outlive a hibernation", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const bob = await Reader.join(room);
    await publishBig(ana, 3);
    await bob.report(70_000);
    const before = await bob.settled();

    await evict(room);
    const after = await bob.settled();
    await publishBig(ana, 4);

    expect(after).toEqual(before);
    const { sent, seen } = await bob.settled();
    expect(sent - (seen ?? 0)).toBeLessThanOrEqual(WINDOW);
    expect(bob.offsets).toEqual(oneTo(5));
  });
});
