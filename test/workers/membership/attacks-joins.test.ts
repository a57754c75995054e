import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import {
  inRoom,
  openSocketsOf,
  infoOf,
  request,
  roomPath,
  roomStub,
  uniqueRoom,
  wasAwake,
} from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { join, joinWebSocket, upgrade } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** The maximum time that a connection may stay without sending anything. */
const PATIENCE_MS = OPTIONS.silenceTimeoutMs.default + 75_000;

/** Advances the clock to the room's alarm and runs it. Returns how long that took. */
async function passToAlarm(room: string): Promise<number> {
  const at = (await inRoom(room, ({ storage }) => storage.getAlarm())) ?? 0;
  const ms = at - Date.now();
  vi.setSystemTime(at);
  await runDurableObjectAlarm(roomStub(room) as DurableObjectStub);
  return ms;
}

/**
 * Sends a request from another Durable Object and aborts that object before it reads the response, like a client that
 * vanishes.
 */
async function askAndVanish(ask: () => Promise<unknown>): Promise<void> {
  const carrier = env.ROOM.getByName(`carrier-${randomKey()}`) as DurableObjectStub;
  await runInDurableObject(carrier, async (_instance: DurableObject, state) => {
    await ask();
    state.abort("vanished");
  }).catch(() => undefined);
}

describe("an abandoned join", () => {
  it("[L4 G10 G11] sockets that send nothing are closed in time, and do not keep the room awake", async () => {
    const room = uniqueRoom();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => joinWebSocket(room)));
    await Promise.all(sockets.map((socket) => socket.welcome()));
    expect(await wasAwake(room)).toBe(true);
    expect(await infoOf(room)).toMatchObject({ members: 20 });

    let waited = 0;
    while ((await infoOf(room)).members > 0) waited += await passToAlarm(room);

    expect(waited).toBeLessThanOrEqual(PATIENCE_MS);
    for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 4002 });
  });

  it("[J1 M2 G9] a client that vanishes before the response to its join leaves no member behind", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    for (let n = 0; n < 5; n++) await askAndVanish(() => upgrade(room));

    await vi.waitFor(async () => expect(await infoOf(room)).toMatchObject({ members: 1 }));
    expect(await ana.publish("still", 1)).toMatchObject({ type: "ack" });
  });

  it("[S3 M2 G9] an SSE client that vanishes before it reads leaves no member behind", async () => {
    const room = uniqueRoom();
    const ana = await join(room);

    for (let n = 0; n < 5; n++) {
      const abort = new AbortController();
      await request(roomPath(room, "/events"), { signal: abort.signal });
      abort.abort();
    }

    await vi.waitFor(async () => expect(await infoOf(room)).toMatchObject({ members: 1 }));
    expect(await ana.publish("still", 1)).toMatchObject({ type: "ack" });
  });

  it("[J8 G11] a rejected join leaves no tables and no alarm behind", async () => {
    const room = uniqueRoom();

    const socket = await joinWebSocket(room, { query: { key: "x" } });
    const reader = await openEvents(room, { query: { mode: "x" } });
    await socket.closed;
    await reader.ended;

    expect(await infoOf(room)).toMatchObject({ members: 0, position: null });
    expect(await inRoom(room, ({ storage }) => storage.getAlarm())).toBeNull();
  });
});

describe("a flood of reconnects", () => {
  const FLOOD = 200;

  it("[J5 M1 G9] a flood of reconnects of one session is one member, announced once, with one connection", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const key = randomKey();
    let eve = await join(room, { key });

    for (let n = 1; n < FLOOD; n++) {
      const next =
        n % 2 === 0
          ? await join(room, { key })
          : await join(room, { protocols: ["parlor.v1", `resume.${key}`] });
      expect(await eve.closed).toMatchObject({ code: 4504 });
      eve = next;
    }
    await eve.publish("mark", 1);
    await ana.inbox.take("message");

    expect(ana.inbox.all.map(({ type }) => type)).toEqual(["welcome", "presence", "message"]);
    expect(await infoOf(room)).toMatchObject({ members: 2 });
    expect(await openSocketsOf(room)).toBe(2);
    const rows = await inRoom(room, ({ storage }) =>
      storage.sql.exec("SELECT count(*) AS n FROM member").one(),
    );
    expect(rows).toEqual({ n: 2 });
  });

  it("[J5 M1 G9] a flood of simultaneous joins of one session is one member", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    const key = randomKey();

    const flood = await Promise.all(Array.from({ length: FLOOD }, () => joinWebSocket(room, { key })));
    const ends = flood.map((socket) => socket.closed.then(({ code }) => code));
    await vi.waitFor(async () => expect(await infoOf(room)).toMatchObject({ members: 2 }));
    await ana.publish("mark", 1);

    const still = await Promise.all(ends.map((end) => Promise.race([end, Promise.resolve("open" as const)])));
    expect(still.filter((end) => end === "open")).toHaveLength(1);
    expect(new Set(still)).toEqual(new Set([4504, "open"]));
    expect(ana.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1);
  });

  it("[L1 G10] a flood of reconnects refills no budget, over any transport", async () => {
    const room = uniqueRoom();
    const key = randomKey();
    const burst = OPTIONS.messagesBurst.default;
    const answers: string[] = [];

    for (let n = 0; n < burst + 10; n++) {
      const eve = n % 3 === 0 ? await joinSse(room, { key }) : await join(room, { key });
      const answer = await eve.publish("e", n, { ref: n + 1 });
      answers.push(answer.type === "error" ? answer.code : answer.type);
      if (n % 5 === 0) eve.vanish();
    }

    expect(answers).toEqual([...Array(burst).fill("ack"), ...Array(10).fill("rate_limited")]);
  });

  it("[L1 L2 G10] reconnects do not reset rejections, so the client is closed for abuse", async () => {
    const room = uniqueRoom();
    const key = randomKey();
    const refusals = OPTIONS.maxRefusals.default;
    for (let n = 0; n < refusals - 1; n++) {
      const eve = await join(room, { key });
      expect(await eve.ask("{")).toMatchObject({
        code: expect.stringMatching(/bad_frame|rate_limited/) as string,
      });
    }
    const eve = await join(room, { key });
    eve.send("{");

    expect(await eve.closed).toMatchObject({ code: 4505 });
    expect((await post(room, eve, { type: "history" })).body).toMatchObject({ code: "not_joined" });
  });
});
