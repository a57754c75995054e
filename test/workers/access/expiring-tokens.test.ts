import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinByPoll } from "../support/polls.ts";
import { joinSse, post, type SseMember } from "../support/sse.ts";
import { TOLERANCE_S, bearer, token } from "../support/tokens.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

// The clock stands still unless a test moves it. It starts at a full minute, so that values in seconds are exact.
beforeEach(() => vi.setSystemTime(Math.ceil(Date.now() / 60_000) * 60_000));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** A token of ana's that is accepted for this many seconds. */
function brief(seconds: number): Promise<string> {
  return token({ exp: Math.floor(Date.now() / 1000) + seconds - TOLERANCE_S });
}

/** Advances the clock to the room's alarm and runs it. Returns how long that took. */
async function passUntilAlarm(room: string): Promise<number> {
  const before = Date.now();
  vi.setSystemTime((await kindsRoom(room).inside(({ storage }) => storage.getAlarm())) ?? 0);
  await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);
  return Date.now() - before;
}

/** The warnings that a member has received. A history reply ensures that all earlier frames have arrived. */
async function warningsOf(member: WebSocketMember): Promise<unknown[]> {
  member.send({ type: "history", ref: 9_999, limit: 1 });
  await member.inbox.take("history");
  return member.inbox.all.filter(({ type }) => type === "expiring");
}

describe("a connection whose token is about to expire", () => {
  it.each<[string, (room: string, headers: object) => Promise<WebSocketMember | SseMember>]>([
    ["WebSocket", (room, headers) => join(room, { to, headers: headers as never })],
    ["SSE", (room, headers) => joinSse(room, { to, headers: headers as never })],
    [
      "WebSocket, view-only",
      (room, headers) => join(room, { to, headers: headers as never, query: { view: "1" } }),
    ],
  ])(
    "[D7] a connection is warned 60 to 45 seconds before its token expires, then closed: over %s, the room asleep",
    async (_how, joinBy) => {
      const room = uniqueRoom("closed");
      const ana = await joinBy(room, bearer(await brief(121)));
      await kindsRoom(room).evict();

      const afterMs = await passUntilAlarm(room);
      const warning = await ana.inbox.take("expiring");
      await kindsRoom(room).evict();
      await passUntilAlarm(room);

      expect(warning).toEqual({ type: "expiring", expiresInMs: 121_000 - afterMs });
      expect(warning.expiresInMs).toBeGreaterThanOrEqual(45_000);
      expect(warning.expiresInMs).toBeLessThanOrEqual(60_000);
      expect(await ana.closed).toMatchObject({ code: 4001 });
      expect(ana.inbox.all.filter(({ type }) => type === "expiring")).toHaveLength(1);
    },
  );

  it("[D7] a connection is warned once, and other connections are not", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await brief(150)) });
    const bob = await join(room, { to, headers: bearer(await token({ user: "bob" })) });

    await passUntilAlarm(room);
    await passUntilAlarm(room);

    expect(await warningsOf(bob)).toEqual([]);
    expect(ana.inbox.all.filter(({ type }) => type === "expiring")).toHaveLength(1);
  });

  it("[D7 Q5] a client that polls is warned by a poll that began more than 60 seconds before the expiry, and by no later one", async () => {
    const room = uniqueRoom("closed");
    const bob = await join(room, { to, headers: bearer(await token({ user: "bob" })) });
    const ana = await joinByPoll(room, { to, headers: bearer(await brief(150)) });
    const waitFor15s = async (): Promise<readonly ServerFrame[]> => {
      const answer = ana.poll({ wait: 25 });
      await vi.waitFor(async () =>
        expect(await kindsRoom(room).inside((state) => state.getWebSockets().length)).toBe(2),
      );
      pass(15_000);
      await runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);
      bob.send({ type: "publish", event: "e", volatile: true });
      return answer;
    };

    pass(80_000);
    expect(await waitFor15s()).toMatchObject([{ type: "expiring", expiresInMs: 55_000 }]);
    expect(await waitFor15s()).toMatchObject([{ type: "message" }]);
  });

  it("[D7] a connection with a short token learns its expiry from the welcome only", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await brief(60)) });

    const afterMs = await passUntilAlarm(room);

    expect(await ana.welcome()).toMatchObject({ expiresInMs: 60_000 });
    expect(afterMs).toBeLessThanOrEqual(75_000);
    expect(await ana.closed).toMatchObject({ code: 4001 });
    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[D7 D8] a connection that renews early is warned of the new expiry only", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await brief(120)) });
    pass(30_000);
    expect(await ana.act({ type: "auth", token: await brief(150) })).toMatchObject({ expiresInMs: 150_000 });

    await passUntilAlarm(room);
    const early = await warningsOf(ana);
    await passUntilAlarm(room);

    expect(early).toEqual([]);
    expect(await warningsOf(ana)).toEqual([{ type: "expiring", expiresInMs: 60_000 }]);
  });

  it("[D7 D8] a connection that renews when it is warned is warned again before the new token expires", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await brief(120)) });
    await passUntilAlarm(room);
    await ana.inbox.take("expiring");
    await ana.act({ type: "auth", token: await brief(130) });
    await passUntilAlarm(room);
    pass(1_000);
    await ana.publish("e", 1);

    while ((await warningsOf(ana)).length < 2) await passUntilAlarm(room);

    expect((await warningsOf(ana)).at(-1)).toMatchObject({ type: "expiring" });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[D7 D8 H1] an SSE client that acts by POST with a token that expires later is not warned of the old one", async () => {
    const room = uniqueRoom("closed");
    const ana = await joinSse(room, { to, headers: bearer(await brief(120)) });
    pass(30_000);
    await post(room, ana, { type: "publish", event: "e" }, bearer(await brief(600)), to);

    await passUntilAlarm(room);
    await post(room, ana, { type: "publish", event: "last" }, bearer(await brief(600)), to);
    await ana.inbox.take("message", ({ event }) => event === "last");

    expect(ana.inbox.all.filter(({ type }) => type === "expiring")).toEqual([]);
  });

  it("[D7 D8] a connection renewed with a token that expires sooner is closed by then, at most 15 seconds later in a sleeping room", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: bearer(await brief(3_600)) });
    await ana.act({ type: "auth", token: await brief(20) });
    await kindsRoom(room).evict();

    const first = await passUntilAlarm(room);
    const second = first >= 20_000 ? 0 : await passUntilAlarm(room);

    expect(first + second).toBeLessThanOrEqual(35_000);
    expect(await ana.closed).toMatchObject({ code: 4001 });
  });

  it("[D7 D10] a connection that joined with a ticket is warned when the token of the ticket expires", async () => {
    const room = uniqueRoom("closed");
    const init = { method: "POST", headers: bearer(await brief(120)) };
    const { ticket } = await (await request(roomPath(room, "/ticket"), init, to)).json<{ ticket: string }>();
    const ana = await joinSse(room, { to, query: { ticket } });

    await passUntilAlarm(room);

    expect(await ana.inbox.take("expiring")).toMatchObject({ expiresInMs: 60_000 });
  });
});
