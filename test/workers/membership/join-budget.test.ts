import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { sendToSleep } from "../support/penalties.ts";
import { request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { openEvents } from "../support/sse.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { join, upgrade, type WebSocketMember } from "../support/websocket.ts";

const { joinsBurst, joinsPerSecond } = TEST_KINDS["few-joins"];
const BUSY = { type: "error", code: "room_busy", limit: "joinsPerSecond" };

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** A room whose join budget is spent, and its members. */
async function busyRoom(): Promise<{ room: string; members: WebSocketMember[] }> {
  const room = uniqueRoom("few-joins");
  const members = [];
  for (let n = 0; n < joinsBurst; n++) members.push(await join(room, { to }));
  return { room, members };
}

interface Refusal {
  readonly status: number;
  readonly retryAfter: number;
  readonly body: { readonly retryAfterMs: number };
}

/** Sends a join that is rejected. */
async function tryToJoin(room: string): Promise<Refusal> {
  const response = await request(roomPath(room, "/events"), {}, to);
  const retryAfter = Number(response.headers.get("Retry-After"));
  return { status: response.status, retryAfter, body: await response.json() };
}

describe("a storm of joins", () => {
  it("[L9 J8] a join over the budget gets a plain 503 with Retry-After over WebSocket", async () => {
    const { room } = await busyRoom();

    const refused = await upgrade(room, { to });
    const { retryAfterMs, ...error } = await refused.json<{ retryAfterMs: number }>();

    expect(refused.status).toBe(503);
    expect(error).toMatchObject(BUSY);
    expect(Number(refused.headers.get("Retry-After"))).toBe(Math.ceil(retryAfterMs / 1000));
    expect(retryAfterMs).toBeGreaterThanOrEqual(1_000 / joinsPerSecond);
  });

  it("[L9 S7] a join over the budget gets a stream with a retry time if it comes from an EventSource", async () => {
    const { room } = await busyRoom();

    const reader = await openEvents(room, { to });
    await reader.ended;

    expect(reader.response.status).toBe(200);
    expect(reader.inbox.all).toMatchObject([BUSY]);
    expect(reader.stream.retryMs).toBe((reader.inbox.all[0] as { retryAfterMs?: number }).retryAfterMs);
  });

  it("[L9 G10] a storm of joins does not affect the members of the room", async () => {
    const { room, members } = await busyRoom();
    const [ana, bob] = members as [WebSocketMember, WebSocketMember];
    const before = ana.inbox.all.length;

    const refused = await Promise.all(Array.from({ length: 100 }, () => tryToJoin(room)));
    const published = await ana.publish("e", 1);
    await bob.inbox.take("message");

    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
    expect(published).toMatchObject({ type: "ack" });
    expect(ana.inbox.all.slice(before).map(({ type }) => type)).toEqual(["message", "ack"]);
    expect(await kindsRoom(room).info()).toMatchObject({ members: joinsBurst });
  });

  it("[L9 G10] rejected joins get different retry times, which grow with their number", async () => {
    const { room } = await busyRoom();

    const waits: number[] = [];
    for (let n = 0; n < 100; n++) waits.push((await tryToJoin(room)).body.retryAfterMs);

    expect(new Set(waits).size).toBeGreaterThan(80);
    expect(Math.max(...waits.slice(0, 5))).toBeLessThan(10_000);
    expect(Math.max(...waits.slice(50))).toBeGreaterThan(10_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(31_000);
  });

  it("[L9 G10] the edge rejects joins for half a second without waking the room", async () => {
    const { room } = await busyRoom();
    await tryToJoin(room);
    await sendToSleep(room);

    pass(499);
    const refused = await tryToJoin(room);
    const wasAwake = await sendToSleep(room);
    pass(1);

    expect(refused).toMatchObject({ status: 503, body: BUSY });
    expect(wasAwake).toBe(false);
    await join(room, { to });
  });

  it("[L9] clients join at the rate of the room, and other rooms are not affected", async () => {
    const { room } = await busyRoom();
    await tryToJoin(room);
    await join(uniqueRoom("few-joins"), { to });

    pass(1_000);
    for (let n = 0; n < joinsPerSecond; n++) await join(room, { to });

    expect(await tryToJoin(room)).toMatchObject({ status: 503, body: BUSY });
  });
});
