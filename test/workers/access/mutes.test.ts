import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { STRICT, beMuted, beRefused, sendToSleep } from "../support/penalties.ts";
import { crash, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { joinSse, post } from "../support/sse.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, rejoin } from "../support/websocket.ts";

const { maxRefusals, muteMs } = STRICT;
const MUTED = { type: "error", code: "muted", limit: "maxRefusals" };

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

describe("a muted client", () => {
  it("[L2 G10] half of maxRefusals mute a client: acts that others would see are rejected, all others are not", async () => {
    const room = uniqueRoom("strict");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await beRefused(ana, maxRefusals / 2 - 1);
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    await beRefused(ana, 1);

    expect(await ana.publish("e", 2)).toMatchObject({ ...MUTED, retryAfterMs: muteMs });
    expect(await ana.act({ type: "set", set: { a: 1 } })).toMatchObject(MUTED);
    expect(await ana.setPresence("hi")).toMatchObject(MUTED);
    ana.send({ type: "publish", event: "v", volatile: true });
    expect(await ana.inbox.take("error", ({ code }) => code === "muted")).toMatchObject(MUTED);
    ana.send({ type: "history", ref: 9 });
    expect(await ana.inbox.take("history")).toMatchObject({ ref: 9 });
    await bob.publish("e", "bob's");
    await ana.inbox.take("message", ({ data }) => data === "bob's");
    expect(await ana.act({ type: "leave" })).toMatchObject({ type: "ack" });
    expect(bob.inbox.messages.map(({ data }) => data)).toEqual([1, "bob's"]);
  });

  it("[L2] a mute ends after its retryAfterMs", async () => {
    const ana = await join(uniqueRoom("strict"), { to });
    await beMuted(ana);

    pass(muteMs - 1);
    const early = await ana.publish("e", 1, { ref: 1 });
    pass(1);

    expect(early).toMatchObject({ ...MUTED, retryAfterMs: 1 });
    expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ type: "ack", ref: 1 });
  });

  it.each([
    ["strict", "a sleep", sendToSleep],
    ["strict", "a crash", () => crash()],
    ["strict-memory", "a sleep", sendToSleep],
    ["strict-none", "a crash", () => crash()],
  ])("[L2 G6] in a %s room, neither a reconnect nor %s ends a mute", async (kind, _what, happen) => {
    const room = uniqueRoom(kind);
    const ana = await join(room, { to });
    await beMuted(ana);

    const again = await rejoin(room, ana, { to });
    expect(await again.publish("e", 1)).toMatchObject(MUTED);
    await happen(room);
    const back = await rejoin(room, ana, { to });

    expect(await back.publish("e", 2)).toMatchObject(MUTED);
    pass(muteMs);
    expect(await back.publish("e", 3)).toMatchObject({ type: "ack" });
  });

  it("[L2 H2 G5] acts of a muted client by POST are rejected too, with a status and Retry-After", async () => {
    const room = uniqueRoom("strict");
    const ana = await joinSse(room, { to });
    await post(room, ana, Array<object>(maxRefusals / 2).fill({ type: "publish" }), {}, to);

    const answer = await post(room, ana, { type: "publish", event: "e" }, {}, to);

    expect(answer).toMatchObject({ status: 429, body: MUTED });
    expect(answer.headers.get("Retry-After")).toBe("10");
  });

  it("[L2] a muted client that reconnects with new presence data keeps its old data", async () => {
    const room = uniqueRoom("strict");
    const [ana, bob] = [await join(room, { to, presence: "before" }), await join(room, { to })];
    await beMuted(ana);

    await rejoin(room, ana, { to, presence: "loud" });
    await bob.publish("e", 1);
    const page = await join(room, { to });

    expect(JSON.stringify(bob.inbox.all)).not.toContain("loud");
    expect((await page.welcome()).members).toContainEqual({ id: ana.member, data: "before" });
  });

  it("[L2] a client that continues to cause rejections is muted again each time", async () => {
    const ana = await join(uniqueRoom("strict"), { to });
    const published: unknown[] = [];

    for (let second = 0; second < 60; second++) {
      await beRefused(ana, second % 2); // every other second, so never maxRefusals within ten seconds
      if (second % 5 === 4) published.push(await ana.publish("e", second));
      pass(1_000);
    }

    expect(published.slice(2)).toEqual(Array(10).fill(expect.objectContaining(MUTED)));
  });

  it("[L2 G10] muted frames do not count as abuse: the sender could not know of the mute", async () => {
    const ana = await join(uniqueRoom("strict"), { to });
    await beMuted(ana);

    for (let n = 0; n < 5 * maxRefusals; n++) expect(await ana.publish("e", n)).toMatchObject(MUTED);
    pass(muteMs);

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L2 L8 G10] muted frames are charged to the user, whichever of its sessions sends them", async () => {
    const room = uniqueRoom("scarce");
    const from = async (): Promise<object> => ({ to, headers: bearer(await token()) });
    const [ana, tab] = [await join(room, await from()), await join(room, await from())];
    await beMuted(ana);
    const { userMessagesBurst } = TEST_KINDS.scarce;
    for (let n = 0; n < userMessagesBurst; n++) expect(await tab.publish("e", n)).toMatchObject(MUTED);

    expect(await tab.publish("e", 1)).toMatchObject({ limit: "userMessagesPerSecond" });
    for (let n = 0; n < userMessagesBurst + maxRefusals; n++) tab.send({ type: "publish", event: "e" });

    expect(await tab.closed).toMatchObject({ code: 4505 });
  });
});

describe("the scope of a mute", () => {
  it("[L2 G10] a mute covers all sessions of a user, and no other user behind the same address", async () => {
    const room = uniqueRoom("strict-closed");
    const from = async (user: string): Promise<{ to: typeof to; headers: Record<string, string> }> => ({
      to,
      headers: { ...bearer(await token({ user })), "CF-Connecting-IP": "192.0.2.7" },
    });
    const [ana, tab, bob] = [
      await join(room, await from("ana")),
      await join(room, await from("ana")),
      await join(room, await from("bob")),
    ];

    await beMuted(ana);
    const later = await join(room, await from("ana"));

    expect(await tab.publish("e", 1)).toMatchObject(MUTED);
    expect(await later.publish("e", 1)).toMatchObject(MUTED);
    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L2 G10] a mute of an anonymous client covers its session only, and no others behind the same address", async () => {
    const room = uniqueRoom("strict");
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const [ana, bob] = [await join(room, { to, headers }), await join(room, { to, headers })];

    await beMuted(ana);

    expect(await ana.publish("e", 1)).toMatchObject(MUTED);
    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L2 K3] a client whose acts fail in the server is not muted", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    setHooks({
      onPublish: (_room, _member, { event }) => {
        if (event === "bad") throw new Error("out of order");
        return undefined;
      },
    });
    const ana = await join(uniqueRoom("ruled"), { to });

    for (let n = 0; n < 60; n++) {
      expect(await ana.publish("bad", n)).toMatchObject({ code: "internal" });
    }

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L2 G10] expired mutes are deleted", async () => {
    const room = uniqueRoom("strict");
    await join(room, { to });
    for (let n = 0; n < 5; n++) {
      await beMuted(await join(room, { to }));
      pass(muteMs);
    }

    const rows = await kindsRoom(room).inside(({ storage }) =>
      storage.sql.exec("SELECT source FROM penalty").toArray(),
    );

    expect(rows).toHaveLength(1);
  });
});
