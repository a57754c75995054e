import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { CONTRACT_VERSION, JOIN_HEADER, encodeJoin } from "../../../src/protocol/contract.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { TOLERANCE_S, bearer, token, type TokenOptions } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

const to = serveKinds;

/** In a sleeping room, connections whose tokens have expired are closed at the end of a slot of this length. */
const SLOT_MS = 15_000;

// The clock stands still unless a test moves it. It starts at a full second, because tokens count in seconds.
beforeEach(() => vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000));
afterEach(() => vi.useRealTimers());

function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

/** The headers with a token that is accepted for this long. */
async function goodFor(
  seconds: number,
  options: TokenOptions = {},
): Promise<{ readonly Authorization: string }> {
  return bearer(await token({ ...options, exp: Date.now() / 1000 + seconds - TOLERANCE_S }));
}

function alarmOf(room: string): Promise<number | null> {
  return kindsRoom(room).inside(({ storage }) => storage.getAlarm());
}

function runAlarm(room: string): Promise<boolean> {
  return runDurableObjectAlarm(kindsRoom(room).stub as DurableObjectStub);
}

const AWAKE_OR_ASLEEP: readonly [how: string, between: (room: string) => Promise<void>][] = [
  ["awake", async () => undefined],
  ["asleep", (room) => kindsRoom(room).evict()],
];

describe.each(AWAKE_OR_ASLEEP)("a token that expires while the room is %s", (_how, between) => {
  it("[D7 C1 G12] an expired token closes its connection at the next event, which the connection does not receive", async () => {
    const room = uniqueRoom("closed");
    const bob = await join(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    await between(room);
    pass(60);

    await ana.publish("secret", 1);

    expect(await bob.closed).toMatchObject({ code: 4001, reason: CLOSE_CODES.token_expired.text });
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence"]);
    expect(await ana.inbox.take("presence")).toMatchObject({ left: [{ id: bob.member }] });
  });

  it("[D7 C1 G11] an expired token closes its connection in an idle room within 15 seconds", async () => {
    const room = uniqueRoom("closed");
    const bob = await join(room, { to, headers: await goodFor(60) });
    const expiresAt = Date.now() + 60_000;
    await between(room);

    const alarm = (await alarmOf(room)) ?? Infinity;
    expect(alarm).toBeGreaterThanOrEqual(expiresAt);
    expect(alarm).toBeLessThanOrEqual(expiresAt + SLOT_MS);
    vi.setSystemTime(alarm);
    await runAlarm(room);

    expect(await bob.closed).toMatchObject({ code: 4001 });
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[D7 G12] acts on a connection whose token has expired have no effect", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: await goodFor(600) });
    const bob = await join(room, { to, headers: await goodFor(60, { user: "bob" }) });
    await between(room);
    pass(60);

    bob.send({ type: "publish", ref: 1, event: "late", data: 1 });
    bob.send({ type: "auth", ref: 2, token: await token({ user: "bob" }) });

    expect(await bob.closed).toMatchObject({ code: 4001 });
    await ana.publish("mark", 1);
    expect(ana.inbox.messages.map(({ event }) => event)).toEqual(["mark"]);
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome"]);
  });

  it("[D7 J10] an expired token closes a view-only connection as well", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: await goodFor(600) });
    const watcher = await join(room, { to, query: { view: "1" }, headers: await goodFor(60) });
    await between(room);
    pass(60);

    await ana.publish("secret", 1);

    expect(await watcher.closed).toMatchObject({ code: 4001 });
    expect(watcher.inbox.messages).toEqual([]);
  });

  it("[D7 S5 S1] an expired token ends a stream with the close, and keeps its last id, so that its client can resume", async () => {
    const room = uniqueRoom("closed");
    const bob = await joinSse(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    await ana.publish("before", 1);
    await bob.inbox.take("message");
    await between(room);
    pass(60);

    await ana.publish("after", 1);
    expect(await bob.ended).toBe(true);

    expect(await bob.closed).toEqual({ code: 4001, reason: CLOSE_CODES.token_expired.text });
    expect(bob.inbox.messages.map(({ event }) => event)).toEqual(["before"]);
    expect(bob.stream.lastEventId).toBe(bob.position);
    const stale = await openEvents(room, { to, key: bob.key, headers: await goodFor(-60, { user: "bob" }) });
    expect(await stale.inbox.take("error")).toMatchObject({ code: "token_expired" });
    const back = await joinSse(room, {
      ...{ to, key: bob.key, lastEventId: bob.stream.lastEventId },
      headers: await goodFor(60, { user: "bob" }),
    });
    expect(await back.welcome()).toMatchObject({ recovered: true, member: bob.member });
    expect(await back.inbox.take("message")).toMatchObject({ event: "after" });
  });
});

describe("the moment of expiry", () => {
  it("[D7 G12] a connection whose token has expired does not receive events of the same moment either", async () => {
    setHooks({ onLeave: (room, { user }) => room.publish("gone", user) });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to, headers: await goodFor(600) });
    const bob = await join(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const cem = await join(room, { to, headers: await goodFor(60, { user: "cem" }) });
    vi.setSystemTime((await alarmOf(room)) ?? 0);

    await runAlarm(room);

    expect(await bob.closed).toMatchObject({ code: 4001 });
    expect(await cem.closed).toMatchObject({ code: 4001 });
    await ana.inbox.until(({ messages }) => messages.length === 2);
    expect(bob.inbox.messages).toEqual([]);
    expect(cem.inbox.messages).toEqual([]);
  });

  it("[D5 D7] a client with an expired token is rejected over WebSocket, by POST and for reads", async () => {
    const room = uniqueRoom("closed");
    const bob = await join(room, { to, headers: await goodFor(60) });
    const expired = await goodFor(60);
    pass(60);

    const socket = await joinWebSocket(room, { to, headers: expired });
    const answer = await post(room, bob, { type: "publish", event: "e" }, expired, to);
    const read = await request(roomPath(room, "/history"), { headers: expired }, to);

    expect(await socket.inbox.take("error")).toMatchObject({ code: "token_expired" });
    expect(await socket.closed).toMatchObject({ code: 4001 });
    expect(answer).toMatchObject({ status: 401, body: { code: "token_expired" } });
    expect(read.status).toBe(401);
  });

  it("[D5 D7] a token is accepted at the edge and in the room for the same time, including the clock tolerance", async () => {
    const room = uniqueRoom("closed");
    const late = await goodFor(TOLERANCE_S); // its exp is now
    pass(TOLERANCE_S - 1);

    const ana = await join(room, { to, headers: late });
    const told = await ana.welcome();
    const renewed = await ana.act({ type: "auth", token: late.Authorization.slice("Bearer ".length) });
    const acked = await ana.publish("e", 1);
    pass(1);
    const refused = await joinWebSocket(room, { to, headers: late });

    expect(told).toMatchObject({ expiresInMs: 1_000 });
    expect(renewed).toMatchObject({ type: "ack", expiresInMs: 1_000 });
    expect(acked).toMatchObject({ type: "ack" });
    expect(await refused.inbox.take("error")).toMatchObject({ code: "token_expired" });
  });

  it("[D7] a room rejects a token that has expired on its way from the edge, and accepts no member", async () => {
    const room = uniqueRoom("closed");
    const identity = await deriveIdentity(room, "ana", randomKey());
    const headers = {
      Upgrade: "websocket",
      [JOIN_HEADER]: encodeJoin({
        ...{ v: CONTRACT_VERSION, key: randomKey(), user: "ana", dialect: "json", mode: "list" },
        ...identity,
        access: { grants: ["join"], expiresAt: Date.now() },
      }),
    };

    const answer = await kindsRoom(room).stub.fetch("https://room/", { headers });

    expect(answer.webSocket).toBeNull();
    expect(await answer.json()).toMatchObject({ code: "token_expired" });
    expect(await kindsRoom(room).stub.info()).toMatchObject({ members: 0 });
  });

  it("[D7 S7] an expired token ends an EventSource whose URL contains it, because that URL never becomes valid again", async () => {
    const room = uniqueRoom("closed");
    const { Authorization } = await goodFor(-1);

    const inUrl = await openEvents(room, { to, query: { token: Authorization.slice("Bearer ".length) } });
    const inHeader = await openEvents(room, { to, headers: { Authorization } });
    await Promise.all([inUrl.ended, inHeader.ended]);

    expect(inUrl.inbox.all).toMatchObject([{ code: "token_expired" }, { type: "close", code: 4001 }]);
    expect(inUrl.stream.lastEventId).toBe("~closed");
    expect(inHeader.inbox.all).toMatchObject([{ code: "token_expired" }]);
    expect(inHeader.stream.lastEventId).not.toBe("~closed");
  });

  it("[D7 W1] the welcome reports how long the token is still valid", async () => {
    const ana = await join(uniqueRoom("closed"), { to, headers: await goodFor(60) });

    expect((await ana.welcome()).expiresInMs).toBe(60_000);
  });
});

describe.each(AWAKE_OR_ASLEEP)("a renewal while the room is %s", (_how, between) => {
  it("[D8 D7] a renewal by auth keeps a connection beyond its first token, until the second expires", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: await goodFor(60) });
    pass(50);
    await between(room);

    ana.send({ type: "auth", token: await token({ exp: Date.now() / 1000 + 60 - TOLERANCE_S }) });
    expect(await ana.inbox.take("ack")).toEqual({ type: "ack", expiresInMs: 60_000 });
    await between(room);
    pass(10 + SLOT_MS / 1000);
    await runAlarm(room);
    expect(await ana.publish("still", 1)).toMatchObject({ type: "ack" });

    expect(await alarmOf(room)).toBeLessThanOrEqual(Date.now() + 35_000 + SLOT_MS);
    pass(35);
    ana.send({ type: "publish", event: "late" });
    expect(await ana.closed).toMatchObject({ code: 4001 });
  });

  it("[D8 D7] a renewal by auth with a token that expires sooner ends the connection when that token expires", async () => {
    const room = uniqueRoom("closed");
    const ana = await join(room, { to, headers: await goodFor(3_600) });
    await between(room);

    expect(
      await ana.act({ type: "auth", token: await token({ exp: Date.now() / 1000 + 30 - TOLERANCE_S }) }),
    ).toMatchObject({
      expiresInMs: 30_000,
    });

    const alarm = (await alarmOf(room)) ?? Infinity;
    expect(alarm).toBeLessThanOrEqual(Date.now() + 30_000 + SLOT_MS);
    vi.setSystemTime(alarm);
    await runAlarm(room);
    expect(await ana.closed).toMatchObject({ code: 4001 });
  });

  it("[D8 H1] a POST with a token that expires later keeps a stream beyond its own token", async () => {
    const room = uniqueRoom("closed");
    const bob = await joinSse(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    pass(50);
    await between(room);

    const longer = await goodFor(120, { user: "bob" });
    expect(await post(room, bob, { type: "presence", data: 1 }, longer, to)).toMatchObject({ status: 200 });
    await between(room);
    pass(10 + SLOT_MS / 1000);
    await runAlarm(room);
    await ana.publish("still", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ event: "still" });
    pass(120);
    await ana.publish("late", 1);
    expect(await bob.closed).toMatchObject({ code: 4001 });
    expect(bob.inbox.messages.map(({ event }) => event)).toEqual(["still"]);
  });
});

describe("the token of a POST", () => {
  it("[D8] a POST with a token that expires sooner does not change the session's token", async () => {
    const room = uniqueRoom("closed");
    const bob = await joinSse(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    const less = await goodFor(10, { user: "bob", rooms: { "*": ["join", "presence"] } });

    await post(room, bob, { type: "presence", data: 1 }, less, to);
    pass(30);
    await ana.publish("still", 1);

    expect(await bob.inbox.take("message")).toMatchObject({ event: "still" });
    const usual = await goodFor(20, { user: "bob" });
    expect(await post(room, bob, { type: "publish", event: "e" }, usual, to)).toMatchObject({ status: 200 });
  });

  it("[D8 D6] a POST with a longer token gives its session exactly the capabilities of that token", async () => {
    const room = uniqueRoom("closed");
    const bob = await joinSse(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    const blind = await goodFor(600, { user: "bob", rooms: { "*": ["join", "publish"] } });

    await post(room, bob, { type: "publish", event: "mine" }, blind, to);
    await ana.act({ type: "set", set: { secret: 1 } });
    await ana.publish("mark", 1);
    await bob.inbox.until(({ messages }) => messages.at(-1)?.event === "mark");

    expect(bob.inbox.all.map(({ type }) => type)).not.toContain("state");
  });

  it("[D8 D5 G12] a POST with a longer token that does not grant join does not keep its session in the room", async () => {
    const room = uniqueRoom("closed");
    const bob = await joinSse(room, { to, headers: await goodFor(60, { user: "bob" }) });
    const ana = await join(room, { to, headers: await goodFor(600) });
    const voice = await goodFor(600, { user: "bob", rooms: { "*": ["publish"] } });

    await post(room, bob, { type: "publish", event: "e" }, voice, to);
    pass(60);
    await ana.publish("secret", 1);

    expect(await bob.closed).toMatchObject({ code: 4001 });
  });
});

describe("a token that expires far in the future", () => {
  it.each<[string, number]>([
    ["in the year 2286", 9_999_999_999],
    ["in the year 3000", 32_503_680_000],
    ["at the end of the safe integers", Number.MAX_SAFE_INTEGER],
    ["at a time that no date can represent", 1e300],
    ["at a fraction of a second", Date.now() / 1000 + 600.0005],
  ])(
    "[D7 G6] a token that expires far in the future works like any other, awake and after a sleep: %s",
    async (_when, exp) => {
      const room = uniqueRoom("closed");
      const headers = bearer(await token({ exp }));
      const ana = await join(room, { to, headers });

      await ana.publish("chat", 1);
      await kindsRoom(room).evict();
      await ana.publish("chat", 2);
      await runAlarm(room);
      await ana.publish("chat", 3);

      const { expiresInMs = 0 } = await ana.welcome();
      expect(Number.isSafeInteger(expiresInMs) && expiresInMs > 0).toBe(true);
      expect(await alarmOf(room)).toBeLessThan(exp * 1_000);
      const issued = await request(roomPath(room, "/ticket"), { method: "POST", headers }, to);
      expect(issued.status).toBe(200);
      const { ticket } = await issued.json<{ readonly ticket: string }>();
      expect(await join(room, { to, query: { ticket } })).toMatchObject({
        member: expect.any(String) as string,
      });
    },
  );
});
