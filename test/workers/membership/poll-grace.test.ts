import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { passAndWake, SLOT_MS } from "../support/grace.ts";
import { joinByPoll, type PollAnswer, type Poller } from "../support/polls.ts";
import { crash, evict, inRoom, infoOf, openSocketsOf, uniqueRoom } from "../support/rooms.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";

const POLL_GRACE_MS = OPTIONS.pollGraceMs.default;

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** The presence frames that a member has received after its welcome. */
function news({ inbox }: WebSocketMember): unknown[] {
  return inbox.all.filter(({ type }) => type === "presence");
}

/** Counts the rows that a room writes in tables, and how often it sets its alarm, which is a row as well, until the test ends. */
async function countWrites(room: string): Promise<() => Promise<number>> {
  const prototype = await inRoom(
    room,
    ({ storage }) => Object.getPrototypeOf(storage) as Pick<DurableObjectStorage, "setAlarm">,
  );
  const { setAlarm } = prototype;
  let alarms = 0;
  prototype.setAlarm = function (this: DurableObjectStorage, ...at: Parameters<typeof setAlarm>) {
    alarms++;
    return setAlarm.apply(this, at);
  } as typeof setAlarm;
  onTestFinished(() => {
    prototype.setAlarm = setAlarm;
  });
  return async () => {
    const rows = await inRoom(room, ({ storage }) => {
      return storage.sql.exec<{ changes: number }>("SELECT total_changes() AS changes").one().changes;
    });
    const written = rows + alarms;
    alarms = 0;
    return written;
  };
}

describe("a member between two polls", () => {
  it("[Q6 G9] a member that polls again within pollGraceMs is not announced", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room, { presence: "ana" });

    for (let polls = 0; polls < 3; polls++) {
      await passAndWake(room, POLL_GRACE_MS - 1);
      bob.send("ping");
      expect(await ana.poll()).toEqual([]);
    }
    await bob.publish("mark", 1);
    await bob.inbox.take("message");

    expect(news(bob)).toMatchObject([{ joined: [{ id: ana.welcome.member, data: "ana" }] }]);
  });

  it("[Q6 G9] a member that stops polling leaves once, at most 15 seconds after pollGraceMs", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room);

    await passAndWake(room, POLL_GRACE_MS - 1);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    await passAndWake(room, SLOT_MS + 1);

    expect(await bob.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({
      left: [{ id: ana.welcome.member, reason: "timeout" }],
      count: 1,
    });
  });

  it.each([
    ["sleeps", (room: string) => evict(room)],
    ["crashes", () => crash()],
  ])(
    "[Q6 G6 G9] a member that polls stays a member if the room %s between its polls, and no row is written",
    async (_what, fail) => {
      const room = uniqueRoom();
      const ana = await joinByPoll(room, { presence: "ana" });
      const written = await countWrites(room);
      for (let polls = 0; polls < 5; polls++) {
        await fail(room);
        vi.setSystemTime(Date.now() + 5_000);
        const before = await written();
        expect(await ana.poll()).toEqual([]);
        expect((await written()) - before).toBe(0);
      }
      expect(await infoOf(room)).toMatchObject({ members: 1 });
    },
  );

  it("[Q6 G9] a member that stops polling leaves within the bound, even if the room sleeps and wakes again and again", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room);

    const bound = 2 * POLL_GRACE_MS + 2 * SLOT_MS;
    for (let passed = 0; passed <= bound; passed += 12_000) {
      await passAndWake(room, 12_000);
      await bob.publish("e", 1);
      await evict(room);
    }
    await bob.publish("mark", 1);

    expect(await infoOf(room)).toMatchObject({ members: 1 });
    expect(news(bob)).toMatchObject([{}, { left: [{ id: ana.welcome.member, reason: "timeout" }] }]);
  });

  it("[Q6] the poll after the deadline joins again, with a welcome", async () => {
    const room = uniqueRoom();
    await join(room, { query: { view: "1" } });
    const ana = await joinByPoll(room);
    await passAndWake(room, POLL_GRACE_MS + SLOT_MS);
    expect(await infoOf(room)).toMatchObject({ members: 0 });

    expect(await ana.poll({ wait: 25 })).toMatchObject([{ type: "welcome", recovered: true, count: 1 }]);
  });

  it("[Q6] a poll whose Worker has gone ends, and its member leaves", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const gone = new AbortController();
    const answer = ana.send({ wait: 25, signal: gone.signal }).catch(() => undefined);
    await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(1));
    gone.abort();
    await answer;
    await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(0));

    await passAndWake(room, POLL_GRACE_MS + SLOT_MS);
    expect(await infoOf(room)).toMatchObject({ members: 0 });
  });

  it("[Q6 J5] a member changes between polls and a WebSocket without a leave and a join", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room, { presence: 1 });
    const socket = await join(room, { key: ana.key });
    expect(await ana.poll({ query: { try: "0" } }).catch(String)).toContain("superseded");
    const items = await ana.poll();
    expect(items).toMatchObject([{ type: "welcome", recovered: true }]);
    expect(await socket.closed).toMatchObject({ code: 4504 });
    await bob.publish("mark", 1);
    await bob.inbox.take("message");

    expect(news(bob)).toHaveLength(1);
  });

  it("[Q6 J11] the polls of a client are one connection, for which it acts with the number of its welcome", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    await ana.poll();
    await ana.poll();

    const { status } = await ana.post({ type: "presence", data: 1 });
    expect(status).toBe(200);
    const named = { "Parlor-Session": `${ana.welcome.session}.${ana.key}.${ana.welcome.try ?? ""}` };
    expect(await ana.poll()).toMatchObject([{ updated: [{ data: 1 }] }]);
    expect((await ana.post({ type: "presence", data: 2 }, named)).status).toBe(200);
  });
});

describe("a poll that waits", () => {
  /** A client whose poll waits in the room. */
  async function waiting(
    room: string,
  ): Promise<{ readonly ana: Poller; readonly answer: Promise<PollAnswer> }> {
    const ana = await joinByPoll(room);
    const answer = ana.send({ wait: 25 });
    await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(1));
    return { ana, answer };
  }

  it("[Q3 G6] a room that sleeps while a poll waits responds to it", async () => {
    const room = uniqueRoom();
    const { ana, answer } = await waiting(room);
    await evict(room);
    const bob = await join(room);
    await bob.publish("e", 1);

    ana.take((await answer).items);
    while (ana.offsets.length === 0) await ana.poll({ wait: 25 });
    expect(ana.offsets).toEqual([1]);
    expect(news(bob)).toEqual([]);
  });

  it("[Q3 G6] a poll is rejected for a moment if the room crashes while it waits, and the next one misses nothing", async () => {
    const room = uniqueRoom();
    const { ana, answer } = await waiting(room);
    await crash();
    const bob = await join(room);
    await bob.publish("e", 1);

    const unavailable = { code: "unavailable", retryAfterMs: expect.any(Number) as number };
    expect(await answer).toMatchObject({ status: 503, items: [unavailable] });
    while (ana.offsets.length === 0) await ana.poll({ wait: 25 });
    expect(ana.offsets).toEqual([1]);
    expect(news(bob)).toEqual([]);
  });
});

describe("the rows of polls", () => {
  it("[Q6 G11] polls that end without news in a room that sleeps meanwhile write no row", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    await ana.poll();
    const written = await countWrites(room);
    for (let polls = 0; polls < 3; polls++) {
      const answer = ana.poll({ wait: 1 });
      await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(1));
      await evict(room);
      await written();
      expect(await answer).toEqual([]);
      await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(0));
      expect(await written()).toBe(0); // of the object since it was loaded again
    }
  });
});

describe("polls in other kinds of rooms", () => {
  it.each(["strict-memory", "strict-none"])(
    "[Q6 G9] a member of a %s room that polls stays a member while the room sleeps",
    async (kind) => {
      const room = uniqueRoom(kind);
      const ana = await joinByPoll(room, { to: serveKinds, presence: { a: 1 } });
      const bob = await join(room, { to: serveKinds });
      await ana.poll();
      await kindsRoom(room).evict();
      await ana.poll();
      bob.send("ping");

      expect((await bob.welcome()).members).toContainEqual({ id: ana.welcome.member, data: { a: 1 } });
      expect(news(bob)).toEqual([]);
      expect(await kindsRoom(room).info()).toMatchObject({ members: 2 });
    },
  );
});

describe("rights of a client that polls", () => {
  it("[Q5 D6] a client without history receives what is recorded between its polls, and nothing from before", async () => {
    const room = uniqueRoom();
    const headers = bearer(await token({ user: "ana", rooms: { "*": ["join", "members"] } }));
    const bob = await join(room);
    await bob.publish("e", "before");
    const ana = await joinByPoll(room, { headers });
    await bob.publish("e", "between");

    expect(await ana.poll()).toMatchObject([{ offset: 2 }, { type: "position", reason: "replayed" }]);
    const after = ana.after?.replace(/:.*/, ":0") ?? "";
    expect(await ana.poll({ query: { after } })).toMatchObject([
      { type: "welcome", recovered: false, reason: "forbidden" },
    ]);
  });

  it.each([
    ["slept", (room: string) => evict(room)],
    ["crashed", () => crash()],
  ])(
    "[Q5 D6 G6] after the room has %s, a client without history continues, and its welcome is `forbidden` if something was recorded since",
    async (_what, fail) => {
      const room = uniqueRoom();
      const headers = bearer(await token({ user: "ana", rooms: { "*": ["join", "members"] } }));
      const ana = await joinByPoll(room, { headers });
      await fail(room);
      expect(await ana.poll()).toEqual([]);
      await fail(room);
      const bob = await join(room);
      await bob.publish("e", 1);

      expect(await ana.poll()).toMatchObject([{ type: "welcome", recovered: false, reason: "forbidden" }]);
    },
  );
});
