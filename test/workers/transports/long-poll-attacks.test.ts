import { afterEach, describe, expect, it, vi } from "vitest";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { answerPoll } from "../../../src/transports/long-poll.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import { serveKindsWith } from "../support/kinds.ts";
import { joinByPoll, poll, type PollAnswer, type PollOptions } from "../support/polls.ts";
import {
  infoOf,
  openSocketsOf,
  request,
  roomPath,
  uniqueAddress,
  uniqueRoom,
  type Serve,
} from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, upgrade } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

/** A Worker that counts joins as the platform does, and the number of joins that it has counted. */
function countingJoins(): { readonly to: Serve; readonly counted: () => number } {
  let joins = 0;
  const limiter = { limit: async () => ({ success: ++joins > 0 }) };
  return { to: serverWith({ JOINS_PER_ADDRESS: limiter }), counted: () => joins };
}

describe("polls that do not follow the protocol", () => {
  it("[Q8 L3 G10] polls beyond sseStreamsPerSource are rejected with a retry time, and each poll that ends frees its place", async () => {
    const to = serverWith({ SSE_STREAMS_PER_SOURCE: "2" });
    const room = uniqueRoom();
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const pollers = [];
    for (let n = 0; n < 2; n++) pollers.push(await joinByPoll(room, { headers, to }));
    await pollers[0]?.poll();
    const answers = pollers.map((each) => each.send({ wait: 25 }));
    await vi.waitFor(async () => expect(await openSocketsOf(room)).toBe(2));

    const refused = await poll(room, { headers, to });
    expect(refused).toMatchObject({ status: 429, items: [{ limit: "sseStreamsPerSource" }] });
    expect(refused.headers.get("Retry-After")).toBe("10");

    const bob = await join(room);
    await bob.publish("e", 1);
    await Promise.all(answers);
    expect(await poll(room, { headers, to })).toMatchObject({ status: 200 });
  });

  it.each<[string, PollOptions]>([
    ["has a key that nobody has joined with", { key: randomKey() }],
    ["has no position", { query: { after: "" } }],
    ["has a position that the room cannot continue from", { query: { after: "e:1" } }],
    ["gets the whole list because the room does not know it", { query: { roster: "1.1" } }],
    ["asks for the state", { query: { state: "1" } }],
    ["has a higher try", { query: { try: String(Number.MAX_SAFE_INTEGER) } }],
    ["brings presence data", { presence: 1 }],
    ["stops to watch and joins", { query: { view: "0" } }],
  ])(
    "[L3 Q5 G10] a poll that has a roster and %s counts as a join of its address",
    async (_what, options) => {
      const { to, counted } = countingJoins();
      const room = uniqueRoom();
      await join(room);
      const isWatching = options.query?.["view"] === "0";
      const ana = await joinByPoll(room, { to, query: isWatching ? { view: "1" } : {} });
      const before = counted();

      expect(await ana.send(options)).toMatchObject({ status: 200 });
      expect(counted() - before).toBe(1);
    },
  );

  it("[L3 J10 G10] a poll that watches a room without others counts as a join, because the room is empty again after it", async () => {
    const { to, counted } = countingJoins();
    const watcher = await joinByPoll(uniqueRoom(), { to, query: { view: "1" } });
    await watcher.poll();
    expect(counted()).toBe(2);
  });

  it.each([{}, { view: "1" }])("[L3 Q5] polls with %j that continue do not count as joins", async (query) => {
    const { to, counted } = countingJoins();
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room, { to, query });
    for (let polls = 0; polls < 3; polls++) {
      await bob.publish("e", 1);
      await ana.poll();
    }
    expect(counted()).toBe(1);
  });

  it("[L3 G10] a poll with a roster is rejected if it is a join and its address has reached its limit", async () => {
    const limiter = { limit: async () => ({ success: false }) };
    const to = serverWith({ JOINS_PER_ADDRESS: limiter });
    const room = uniqueRoom();

    const refused = await poll(room, { to, query: { roster: "1.1", after: "e:1" } });

    expect(refused).toMatchObject({ status: 429, items: [{ limit: "joinsPerAddress" }] });
    expect(await infoOf(room)).toMatchObject({ members: 0, position: null });
  });

  it("[L3 G10] a poll in a room of a kind without storage counts for newRoomsPerDay, because the room stores its member", async () => {
    const to = serveKindsWith({ NEW_ROOMS_PER_DAY: "2" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const kinds = ["strict-none", "strict-memory", "strict-none", "strict-memory"];
    const answers: PollAnswer[] = [];
    for (const kind of kinds) answers.push(await poll(uniqueRoom(kind), { headers, to }));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(answers.at(-1)).toMatchObject({ items: [{ limit: "newRoomsPerDay" }] });
  });

  it("[L3 D10 G10] a join with a ticket in a room of a kind without storage counts for newRoomsPerDay, because the room stores its use", async () => {
    const to = serveKindsWith({ NEW_ROOMS_PER_DAY: "2" });
    const headers = bearer(await token({ user: randomKey() }));
    const statuses: number[] = [];
    for (const kind of ["closed-none", "closed-memory", "closed-none", "closed-memory"]) {
      const room = uniqueRoom(kind);
      const issued = await request(roomPath(room, "/ticket"), { method: "POST", headers }, to);
      const { ticket } = await issued.json<{ ticket: string }>();
      statuses.push((await upgrade(room, { to, query: { ticket } })).status);
    }

    expect(statuses).toEqual([101, 101, 429, 429]);
  });

  it("[Q8 L9 G10] polls beyond joinsPerSecond are rejected with room_busy, and the room serves its other members", async () => {
    const to = serverWith({ ADDRESS_LIMITS: "off" });
    const room = uniqueRoom();
    const bob = await join(room);
    const answers = await Promise.all(Array.from({ length: 2_000 }, () => poll(room, { to })));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    const rejected = answers.filter(({ status }) => status === 503).flatMap(({ items }) => items);
    const codes = new Set(rejected.map((error) => "code" in error && error.code));
    expect([...codes].filter((code) => code !== "room_busy" && code !== "room_full")).toEqual([]);
    expect(rejected.filter((error) => !("retryAfterMs" in error))).toEqual([]);
    expect(await bob.publish("e", 1)).toMatchObject({ type: "ack" });
  }, 60_000);

  it("[Q4 J5 G9] many polls with one key at once all receive a response, and other members see one join", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room);
    const answers = Array.from({ length: 50 }, () => ana.send({ wait: 1 }));
    for (const { status, items } of await Promise.all(answers)) {
      expect(status).toBe(200);
      expect(items.at(-1)).toEqual({ type: "position", position: ana.after, reason: "polled" });
    }
    await bob.publish("mark", 1);
    await bob.inbox.take("message");

    expect(bob.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
  });

  it.each(["%00", "x".repeat(5_000), "e:-1", "e:1e9", "\ud800", ":", "e:99999999999999999999"])(
    "[Q5 P5] a poll from the position %j gets a welcome, and the next poll waits",
    async (after) => {
      const ana = await joinByPoll(uniqueRoom());
      expect(await ana.poll({ query: { after } })).toMatchObject([{ type: "welcome", recovered: false }]);
      expect(await ana.poll()).toEqual([]);
    },
  );

  it.each(["%00", "x".repeat(5_000), ".", "0.0"])(
    "[Q5 M5] a poll with the roster %j gets the whole list",
    async (roster) => {
      const ana = await joinByPoll(uniqueRoom());
      expect(await ana.poll({ query: { roster } })).toMatchObject([{ type: "presence", members: [{}] }]);
    },
  );

  it("[Q8 L5 G7] a client with a long backlog receives it in responses of at most a window, without a gap", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    for (let n = 0; n < 20; n++) await bob.publish("e", "x".repeat(10_000));

    const sizes: number[] = [];
    while (ana.offsets.length < 20) sizes.push(JSON.stringify(await ana.poll()).length);

    expect(ana.offsets).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(sizes.length).toBeGreaterThan(2);
    for (const size of sizes) expect(size).toBeLessThan(70_000);
  });

  it("[P4 Q5 Q8] a replay ends with `replayed`, also if its messages leave no space in the window", async () => {
    // Four messages of one of these sizes leave less than a position frame.
    for (let chars = 16_190; chars < 16_250; chars += 4) {
      const room = uniqueRoom();
      const ana = await joinByPoll(room);
      const bob = await join(room);
      for (let n = 0; n < 4; n++) await bob.publish("e", "x".repeat(chars));
      while (ana.offsets.length < 4) await ana.poll();

      const last = ana.all.findLast((frame) => frame.type === "position" && frame.reason !== "polled");
      expect(last, `${chars} characters`).toEqual({
        type: "position",
        position: ana.after,
        reason: "replayed",
      });
      bob.close();
    }
  });

  it("[Q3 Q5 G4] a client misses nothing of a room that publishes all the time, and stays at the end of the log", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room, { wait: 25 });
    const bob = await join(room);
    const total = 100; // below the burst that a session may send
    const published = (async () => {
      for (let n = 1; n <= total; n++) await bob.act({ type: "set", set: { n } });
    })();
    while (ana.offsets.length < total) await ana.poll({ wait: 25 });
    await published;

    expect(ana.offsets).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });

  it("[Q1 S7] a poll that is rejected has the status of its error, also for a client that accepts events", async () => {
    const path = `${roomPath(uniqueRoom(), "/poll")}?key=x`;
    const response = await request(path, { headers: { Accept: "text/event-stream" } });
    expect(response.status).toBe(400);
    expect(await response.json<ServerFrame>()).toMatchObject({ code: "bad_key" });
  });
});

describe("the answer of a client that does not read it", () => {
  it("[Q8 G7] the request is aborted after ten seconds in which nothing is read, and its place stays taken", async () => {
    vi.useFakeTimers();
    const abort = vi.fn<(reason: Error) => void>();
    const place = { beat: vi.fn<() => void>(), end: vi.fn<() => void>(), cut: vi.fn<() => void>() };
    const response = answerPoll("x".repeat(1_000_000), {
      signal: new AbortController().signal,
      abort,
      place,
    });

    await vi.advanceTimersByTimeAsync(25_000);

    expect(abort).toHaveBeenCalled();
    expect(place.cut).toHaveBeenCalled();
    expect(place.end).not.toHaveBeenCalled();
    await response.body?.cancel().catch(() => undefined);
  });

  it("[Q8] the place of a poll is free as soon as its response is read", async () => {
    const place = { beat: vi.fn<() => void>(), end: vi.fn<() => void>(), cut: vi.fn<() => void>() };
    const request = { signal: new AbortController().signal, abort: () => undefined, place };

    expect(await answerPoll("x".repeat(1_000_000), request).text()).toHaveLength(1_000_000);
    await vi.waitFor(() => expect(place.end).toHaveBeenCalledOnce());
    expect(place.cut).not.toHaveBeenCalled();
  });
});
