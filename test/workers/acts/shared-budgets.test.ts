import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { serveKinds as to } from "../support/kinds.ts";
import { beMuted, sendToSleep } from "../support/penalties.ts";
import { Reader } from "../support/reader.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

const { userMessagesBurst, roomMessagesBurst } = TEST_KINDS.scarce;
const OF_USER = { code: "rate_limited", limit: "userMessagesPerSecond" };
const OF_ROOM = { code: "rate_limited", limit: "roomMessagesPerSecond" };

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

async function as(user: string): Promise<{ to: typeof to; headers: Record<string, string> }> {
  return { to, headers: bearer(await token({ user })) };
}

/** Publishes messages, each in its own frame, and waits until they arrive. */
async function expectToPublish(member: WebSocketMember, count: number): Promise<void> {
  for (let n = 0; n < count; n++) expect(await member.publish("e", n)).toMatchObject({ type: "ack" });
}

describe("the shared budget of a user's sessions", () => {
  it("[L8 G10] all sessions of a user share one budget, also by POST, until the retryAfterMs of the rejection", async () => {
    const room = uniqueRoom("scarce");
    const [tab, reader] = [await join(room, await as("ana")), await joinSse(room, await as("ana"))];
    const { headers } = await as("ana");
    await expectToPublish(tab, userMessagesBurst - 1);
    await post(room, reader, { type: "publish", event: "e" }, headers, to);

    const refused = await tab.publish("e", 1, { ref: 99 });
    const byPost = await post(room, reader, { type: "publish", event: "e" }, headers, to);
    pass(500);

    expect(refused).toMatchObject({ ...OF_USER, retryAfterMs: 500 });
    expect(byPost).toMatchObject({ status: 429, body: OF_USER });
    expect(await tab.publish("e", 1, { ref: 99 })).toMatchObject({ type: "ack" });
  });

  it("[L8] a new session does not refill its user's budget", async () => {
    const room = uniqueRoom("scarce");
    await expectToPublish(await join(room, await as("ana")), userMessagesBurst);

    const next = await join(room, await as("ana"));

    expect(await next.publish("e", 1)).toMatchObject(OF_USER);
  });

  it("[L8 G10] the budget of a user does not affect other users or anonymous clients", async () => {
    const room = uniqueRoom("scarce");
    await expectToPublish(await join(room, await as("ana")), userMessagesBurst);
    const [bob, nobody, other] = [
      await join(room, await as("bob")),
      await join(room, { to }),
      await join(room, { to }),
    ];

    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(await nobody.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(await other.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L8 L2] messages over the user's budget count as abuse if their sender does not wait", async () => {
    const ana = await join(uniqueRoom("scarce"), await as("ana"));
    await expectToPublish(ana, userMessagesBurst);

    for (let n = 0; n < userMessagesBurst; n++) expect(await ana.publish("e", n)).toMatchObject(OF_USER);
    for (let n = 0; n < 10; n++) ana.send({ type: "publish", event: "e" });

    expect(await ana.closed).toMatchObject({ code: 4505 });
  });
});

describe("the shared budget of a room", () => {
  it("[L8 G10] the room's budget rejects the next sender, until the retryAfterMs of the rejection", async () => {
    const room = uniqueRoom("scarce");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await expectToPublish(ana, roomMessagesBurst);

    const refused = await bob.publish("e", 1, { ref: 1 });
    pass(199);
    const early = await bob.publish("e", 1, { ref: 1 });
    pass(1);

    expect(refused).toMatchObject({ ...OF_ROOM, retryAfterMs: 200 });
    expect(early).toMatchObject({ ...OF_ROOM, retryAfterMs: 1 });
    expect(await bob.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack" });
  });

  it("[L8 L2 G10] messages over the room's budget mute and close nobody", async () => {
    const room = uniqueRoom("scarce");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await expectToPublish(ana, roomMessagesBurst);

    for (let n = 0; n < 40; n++) expect(await bob.publish("e", n)).toMatchObject(OF_ROOM);
    pass(200);

    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L8 L1] a client that waits for its retryAfterMs is within its own budget as well", async () => {
    const room = uniqueRoom("slow");
    const others = await Promise.all(Array.from({ length: 5 }, () => join(room, { to })));
    const bob = await join(room, { to });
    for (const other of others) await expectToPublish(other, 2);

    const first = await bob.publish("e", 1, { ref: 1 });
    const second = await bob.publish("e", 1, { ref: 1 });
    pass(1_000);

    expect(first).toMatchObject({ ...OF_ROOM, retryAfterMs: 100 });
    expect(second).toMatchObject({ ...OF_ROOM, retryAfterMs: 1_000 });
    expect(await bob.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack" });
  });

  it("[L8 H1 G10] clients that have not joined do not spend the room's budget", async () => {
    const room = uniqueRoom("scarce");
    const ana = await join(room, { to });
    for (let n = 0; n < 3; n++) {
      const key = randomKey();
      const { session } = await deriveIdentity(room, "", key);
      const frame = Array.from({ length: 64 }, () => ({ type: "publish", event: "e" }));
      const answer = await post(room, { session, key }, frame, {}, to);
      expect((answer.body as { code: string }[]).every(({ code }) => code === "not_joined")).toBe(true);
    }

    await expectToPublish(ana, roomMessagesBurst);
  });

  it("[L8 L2 G10] muted members do not spend the room's budget", async () => {
    const room = uniqueRoom("scarce");
    const [ana, loud] = [await join(room, { to }), await join(room, { to })];
    await beMuted(loud);

    loud.send(Array.from({ length: 64 }, (_, index) => ({ type: "publish", ref: index + 1, event: "e" })));
    await loud.inbox.take("error", ({ ref }) => ref === 64);

    await expectToPublish(ana, roomMessagesBurst);
  });

  it("[L8 G11] the room's budget is full after a sleep", async () => {
    const room = uniqueRoom("scarce");
    const ana = await join(room, { to });
    await expectToPublish(ana, roomMessagesBurst);
    pass(10_000);
    await sendToSleep(room);

    await expectToPublish(ana, roomMessagesBurst);
  });
});

describe("the shared byte budget of a room", () => {
  const OF_BYTES = { code: "rate_limited", limit: "roomBytesPerSecond" };
  const LARGE = { type: "publish", event: "e", data: "x".repeat(4_048) };
  /** Too large to be parsed while the budget is spent. */
  const HUGE = { ...LARGE, data: "x".repeat(9_000) };

  /** Lets members of a room spend all its bytes with four frames of a quarter each. */
  async function spend(room: string): Promise<WebSocketMember> {
    const loud = await join(room, { to });
    for (let ref = 1; ref <= 4; ref++)
      expect(await loud.ask({ ...LARGE, ref })).toMatchObject({ type: "ack" });
    return loud;
  }

  it("[L8 F2 G10] a large frame beyond the room's byte budget is rejected unread, so without a ref, and accepted after retryAfterMs", async () => {
    const room = uniqueRoom("scarce-bytes");
    await spend(room);
    const bob = await join(room, { to });

    bob.send({ ...HUGE, ref: 7 });
    const refused = await bob.inbox.take("error");
    pass(refused.retryAfterMs ?? 0);

    expect(refused).toMatchObject({ ...OF_BYTES, retryAfterMs: expect.any(Number) as number });
    expect(refused).not.toHaveProperty("ref");
    expect(await bob.ask({ ...HUGE, ref: 7 })).toMatchObject({ type: "ack", ref: 7, offset: 5 });
  });

  it("[A9 L8 L5] a seen takes effect while the room's byte budget is spent, and gets no reply", async () => {
    const room = uniqueRoom("scarce-bytes");
    const bob = await Reader.join(room, { isTestKind: true });
    await spend(room);

    await bob.report();

    expect((await bob.sendWindow())?.seen).toBe(bob.chars);
    expect(bob.story).not.toContain("error");
  });

  it("[L8 D8 A7] a small frame beyond the room's byte budget is parsed: auth and leave take effect, a publish is rejected with its ref", async () => {
    const room = uniqueRoom("scarce-bytes");
    const bob = await join(room, await as("bob"));
    await spend(room);

    const published = await bob.ask({ ...LARGE, ref: 7 });
    const renewed = await bob.ask({ type: "auth", token: await token({ user: "bob" }), ref: 8 });
    const left = await bob.ask({ type: "leave", ref: 9 });

    expect(published).toMatchObject({ ...OF_BYTES, ref: 7 });
    expect(renewed).toMatchObject({ type: "ack", ref: 8 });
    expect(left).toMatchObject({ type: "ack", ref: 9 });
  });

  it("[L8 H2] a POST beyond the room's byte budget gets status 429", async () => {
    const room = uniqueRoom("scarce-bytes");
    const reader = await joinSse(room, { to });
    await spend(room);

    const answer = await post(room, reader, [HUGE], {}, to);

    expect(answer).toMatchObject({ status: 429, body: OF_BYTES });
  });

  it("[L8 L2 G10] frames over the room's byte budget mute and close nobody", async () => {
    const room = uniqueRoom("scarce-bytes");
    await spend(room);
    const bob = await join(room, { to });

    for (let n = 0; n < 20; n++) bob.send(HUGE);
    await bob.inbox.until(({ all }) => all.filter(({ type }) => type === "error").length === 20);
    pass(10_000);

    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L8 L1 H1] a client that has not joined spends none of the room's bytes, and has one budget for all sessions that it invents", async () => {
    const room = uniqueRoom("scarce-bytes");
    const ana = await join(room, { to });
    const headers = { "CF-Connecting-IP": "192.0.2.77" };
    const codes = new Set<unknown>();
    for (let n = 0; n < 300; n++) {
      const key = randomKey();
      const { session } = await deriveIdentity(room, "", key);
      const { body } = await post(room, { session, key }, LARGE, headers, to);
      codes.add((body as { code: string }).code);
    }

    expect(codes).toEqual(new Set(["not_joined", "rate_limited"]));
    expect(await ana.ask({ ...LARGE, ref: 1 })).toMatchObject({ type: "ack" });
  });

  it("[L8 L2 G10] a muted member spends none of the room's bytes", async () => {
    const room = uniqueRoom("scarce-bytes");
    const [ana, loud] = [await join(room, { to }), await join(room, { to })];
    await beMuted(loud);

    for (let ref = 1; ref <= 5; ref++) loud.send({ ...LARGE, ref });
    await loud.inbox.take("error", ({ ref }) => ref === 5);

    expect(await ana.ask({ ...LARGE, ref: 1 })).toMatchObject({ type: "ack" });
  });
});
