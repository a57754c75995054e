import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { infoOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { join, joinWebSocket, rejoin, type WebSocketMember } from "../support/websocket.ts";

const BURST = OPTIONS.messagesBurst.default;
const MAX_REFUSALS = OPTIONS.maxRefusals.default;
const BYTES_BURST = OPTIONS.bytesBurst.default;

// The clock stands still unless a test moves it, so that budgets refill only then.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Sends publishes without refs in as few frames as possible, and waits until their messages arrive. */
async function publish(member: WebSocketMember, count: number): Promise<void> {
  const expected = member.inbox.messages.length + count;
  for (let left = count; left > 0; left -= 64) {
    member.send(Array.from({ length: Math.min(64, left) }, () => ({ type: "publish", event: "e" })));
  }
  await member.inbox.until(({ messages }) => messages.length >= expected);
}

/** Sends frames that are rejected, one by one, and waits for the last reply. */
async function beRefused(member: WebSocketMember, count: number): Promise<void> {
  const errors = (): number => member.inbox.all.filter(({ type }) => type === "error").length;
  const expected = errors() + count;
  for (let n = 0; n < count; n++) member.send("{");
  await member.inbox.until(() => errors() >= expected);
}

describe("message and byte budgets", () => {
  it("[L1 G10] the burst is accepted, and one message more is rate_limited until its retryAfterMs", async () => {
    const ana = await join(uniqueRoom());
    await publish(ana, BURST);

    const refused = await ana.publish("e", "late", { ref: 1 });
    const { retryAfterMs = 0 } = refused as { retryAfterMs?: number };
    pass(retryAfterMs - 1);
    const early = await ana.publish("e", "late", { ref: 1 });
    pass(1);
    const inTime = await ana.publish("e", "late", { ref: 1 });

    expect(refused).toMatchObject({
      type: "error",
      ref: 1,
      code: "rate_limited",
      limit: "messagesPerSecond",
      retryAfterMs: 17,
    });
    expect(early).toMatchObject({ code: "rate_limited", retryAfterMs: 1 });
    expect(inTime).toMatchObject({ type: "ack", offset: BURST + 1 });
  });

  it("[L1] each second adds exactly messagesPerSecond", async () => {
    const ana = await join(uniqueRoom());
    await publish(ana, BURST);
    pass(1_000);
    await publish(ana, OPTIONS.messagesPerSecond.default);

    expect(await ana.publish("e", 1)).toMatchObject({ code: "rate_limited" });
  });

  it("[L1] every act counts, including malformed ones", async () => {
    const ana = await join(uniqueRoom());
    await publish(ana, BURST - 3);

    ana.send([
      { type: "presence", data: 1 },
      { type: "publish", event: "v", volatile: true },
      { type: "nonsense" },
    ]);

    expect(await ana.publish("e", 1, { ref: 9 })).toMatchObject({ ref: 9, code: "rate_limited" });
  });

  it("[L1 F1] each item of a frame over budget is rejected individually", async () => {
    const ana = await join(uniqueRoom());
    await publish(ana, BURST - 2);

    ana.send([1, 2, 3, 4].map((ref) => ({ type: "publish", ref, event: "e" })));
    await ana.inbox.take("ack", ({ ref }) => ref === 2);

    expect(await ana.inbox.take("error")).toMatchObject({ ref: 3, code: "rate_limited" });
    expect(await ana.inbox.take("error")).toMatchObject({ ref: 4, code: "rate_limited" });
  });

  it("[L1 G10] bytes have their own budget, and a frame over it is accepted after its retryAfterMs", async () => {
    const ana = await join(uniqueRoom());
    const frame = (ref: number): string =>
      `{"type":"publish","ref":${ref},"event":"e","data":"${"x".repeat(65_536 - 48)}"}`;
    for (let ref = 1; ref <= BYTES_BURST / 65_536; ref++) {
      expect(await ana.ask(frame(ref))).toMatchObject({ type: "ack", ref });
    }

    const refused = await ana.ask(frame(9));
    const { retryAfterMs = 0 } = refused as { retryAfterMs?: number };
    pass(retryAfterMs);

    expect(refused).toMatchObject({ ref: 9, code: "rate_limited", limit: "bytesPerSecond" });
    expect(await ana.ask(frame(9))).toMatchObject({ type: "ack", ref: 9 });
  });

  it("[L1] a reconnect does not refill a budget, and acts by POST are charged to the session", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await publish(ana, BURST);
    ana.close(1000);
    await ana.closed;

    const again = await rejoin(room, ana);
    const bySocket = await again.publish("e", 1, { ref: 1 });
    const byPost = await post(room, again, { type: "publish", ref: 2, event: "e" });

    expect(bySocket).toMatchObject({ code: "rate_limited" });
    expect(byPost).toMatchObject({ status: 429, body: { ref: 2, code: "rate_limited", retryAfterMs: 17 } });
    expect(byPost.headers.get("Retry-After")).toBe("1");
  });

  it("[L1 A3] an act that was rejected over budget is stored when it is retried within budget", async () => {
    const ana = await join(uniqueRoom());
    await publish(ana, BURST);
    await ana.publish("e", 1, { ref: 1 });
    pass(17);

    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", offset: BURST + 1 });
    pass(17);
    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", offset: BURST + 1 });
  });

  it("[G10 L2] a flooding client is rejected, then closed, and other clients are not affected", async () => {
    const room = uniqueRoom();
    const [ana, bob, flooder] = [await join(room), await join(room), await join(room)];

    const tolerated = 5 * OPTIONS.messagesPerSecond.default;
    for (let n = 0; n < tolerated / 64 + MAX_REFUSALS; n++)
      flooder.send(Array.from({ length: 64 }, () => ({ type: "publish", event: "flood" })));
    const ack = await ana.publish("chat", "hi");
    await bob.inbox.take("message", ({ event }) => event === "chat");

    expect(ack).toMatchObject({ type: "ack" });
    expect(await flooder.closed).toMatchObject({ code: 4505 });
    expect(bob.inbox.messages.filter(({ event }) => event === "flood")).toHaveLength(BURST);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });
});

describe("rejections that count as abuse", () => {
  it("[L2] one rejection less than maxRefusals does not close a client, and the last one closes it with abuse", async () => {
    const ana = await join(uniqueRoom());

    await beRefused(ana, MAX_REFUSALS - 1);
    ana.send({ type: "history", ref: 1 });
    expect(await ana.inbox.take("history")).toMatchObject({ ref: 1 });
    ana.send("{");

    await expect(ana.publish("e", 2)).rejects.toThrow("closed with 4505");
  });

  it("[L2] rejections count for ten seconds", async () => {
    const ana = await join(uniqueRoom());

    await beRefused(ana, MAX_REFUSALS - 20);
    pass(9_000);
    for (let n = 0; n < 40; n++) ana.send("{");

    await expect(ana.publish("e", 1)).rejects.toThrow("closed with 4505");
  });

  it("[L2] rejections count within any ten seconds, not within fixed slots of ten", async () => {
    const ana = await join(uniqueRoom());

    await beRefused(ana, 1);
    pass(9_000);
    await beRefused(ana, MAX_REFUSALS - 2);
    pass(1_500);
    for (let n = 0; n < MAX_REFUSALS - 2; n++) ana.send("{");

    await expect(ana.publish("e", 1)).rejects.toThrow("closed with 4505");
  });

  it("[L2] rejections more than ten seconds old are forgotten", async () => {
    const ana = await join(uniqueRoom());

    for (let n = 0; n < 3; n++) {
      await beRefused(ana, MAX_REFUSALS - 1);
      pass(10_001);
    }

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L2 G5] rejections by POST count for the session", async () => {
    const bob = await joinSse(uniqueRoom());

    for (let n = 0; n < 3; n++) await bob.post(Array.from({ length: 64 }, () => ({ type: "publish" })));
    await bob.ended;

    expect(bob.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4505 });
  });
});

describe("full rooms", () => {
  it("[J9 L1] a full room rejects new sessions over any transport, and lets its own sessions reconnect", async () => {
    const room = uniqueRoom("game");
    const members = await Promise.all(
      Array.from({ length: 100 }, () => join(room, { query: { mode: "count" } })),
    );

    const refused = await joinWebSocket(room);
    const source = await openEvents(room);
    await source.ended;
    const back = await rejoin(room, members[0] as WebSocketMember);
    back.close(1000);
    await back.closed;
    const next = await join(room);

    expect(await refused.inbox.take("error")).toMatchObject({
      code: "room_full",
      limit: "maxMembers",
      retryAfterMs: expect.any(Number),
    });
    expect(await refused.closed).toMatchObject({ code: 4005 });
    expect(source.inbox.all).toMatchObject([{ type: "error", code: "room_full" }]);
    expect(source.stream.retryMs).toBe(5_000);
    expect((await next.welcome()).count).toBe(100);
  });
});
