import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { serveKinds as to } from "../support/kinds.ts";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

const OF_SOURCE = { code: "rate_limited", limit: "readCharsPerSecond" };
const OF_ROOM = { code: "rate_limited", limit: "roomReadCharsPerSecond" };

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

const from = (address = uniqueAddress()): Record<string, string> => ({ "CF-Connecting-IP": address });

/** A room whose log contains only messages that its first member sent to itself: 60,000 characters. */
async function hiddenRoom(): Promise<{ room: string; ana: WebSocketMember }> {
  const room = uniqueRoom("scarce-reads");
  const ana = await join(room, { to, headers: from() });
  for (let ref = 1; ref <= 3; ref++) {
    ana.send({ type: "publish", ref, event: "e", data: "x".repeat(20_000), to: [ana.member] });
    await ana.inbox.take("ack");
  }
  return { room, ana };
}

describe("the read budget of a user or address", () => {
  it("[L10 G10] a read is charged even if nothing was found, and succeeds again after retryAfterMs", async () => {
    const { room } = await hiddenRoom();
    const eve = await join(room, { to, headers: from() });
    const nothing = { type: "history", messages: [], more: false };

    const answers = [await ask(eve, 1), await ask(eve, 2), await ask(eve, 3)];
    const { retryAfterMs = 0 } = answers[2] as { retryAfterMs?: number };
    pass(retryAfterMs - 1);
    const early = await ask(eve, 4);
    pass(1);
    const inTime = await ask(eve, 5);

    // The budget is 65,536 characters, and each read scans more than 60,000.
    expect(answers).toMatchObject([nothing, nothing, { ...OF_SOURCE, ref: 3 }]);
    expect(retryAfterMs).toBeGreaterThan(500);
    expect(early).toMatchObject(OF_SOURCE);
    expect(inTime).toMatchObject(nothing);
  });

  it("[L10 L2 G10] a read beyond the budget is rejected, but nobody is muted or closed for it", async () => {
    const { room } = await hiddenRoom();
    const eve = await join(room, { to, headers: from() });
    await ask(eve, 1);
    await ask(eve, 2);

    for (let ref = 3; ref < 40; ref++) expect(await ask(eve, ref)).toMatchObject(OF_SOURCE);

    expect(await eve.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[L10 G5] the read budget is shared by all transports and all sessions of an address", async () => {
    const { room } = await hiddenRoom();
    const headers = from();
    const eve = await join(room, { to, headers });
    const other = await joinSse(room, { to, headers });
    await ask(eve, 1);
    expect((await request(roomPath(room, "/history?after=0"), { headers }, to)).status).toBe(200);

    const byPost = await post(room, other, history(7), headers, to);
    const read = await request(roomPath(room, "/history?after=0"), { headers }, to);

    expect(byPost).toMatchObject({ status: 429, body: { ...OF_SOURCE, ref: 7 } });
    expect(read.status).toBe(429);
    expect(Number(read.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await read.json()).toMatchObject(OF_SOURCE);
    expect(await ask(eve, 2)).toMatchObject(OF_SOURCE);
  });

  it.each(["/history", "/members", "/state"])(
    "[L10 H5 H6 H7] %s is charged to the read budget",
    async (part) => {
      const { room } = await hiddenRoom();
      const headers = from();
      for (let n = 0; n < 2; n++) await request(roomPath(room, "/history?after=0"), { headers }, to);

      const refused = await request(roomPath(room, part), { headers }, to);
      pass(10_000);

      expect(await refused.json()).toMatchObject(OF_SOURCE);
      expect((await request(roomPath(room, part), { headers }, to)).status).toBe(200);
    },
  );

  it.each([
    ["/members", "presence" as const],
    ["/state", "set" as const],
  ])("[L10 H6 H7] the result of %s is charged to the read budget", async (part, act) => {
    const room = uniqueRoom("scarce-reads");
    const ana = await join(room, { to, headers: from() });
    const text = "x".repeat(1_000);
    const set = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, text]));
    const frame = act === "set" ? { type: act, ref: 1, set } : { type: act, ref: 1, data: text };
    expect(await ana.ask(frame)).toMatchObject({ type: "ack" });
    const headers = from();

    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push((await request(roomPath(room, part), { headers }, to)).status);

    expect(statuses[0]).toBe(200);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("the read budget of a room", () => {
  it("[L10 G10] reads share a budget of the room: beyond it all reads are rejected, and later all can read again", async () => {
    const { room, ana } = await hiddenRoom();
    for (let n = 0; n < 3; n++) {
      const read = await request(roomPath(room, "/history?after=0"), { headers: from() }, to);
      expect(read.status).toBe(200);
    }

    const refused = await request(roomPath(room, "/history"), { headers: from() }, to);
    const bySocket = await ask(ana, 50);
    pass(1_000);

    expect(await refused.json()).toMatchObject(OF_ROOM);
    expect(bySocket).toMatchObject(OF_ROOM);
    expect(await ask(ana, 51)).toMatchObject({ type: "history" });
  });
});

describe("a replay", () => {
  it("[L10 J6 P4] a replay over a log without messages for its client still ends at the head", async () => {
    const { room, ana } = await hiddenRoom();

    const eve = await join(room, { to, headers: from(), query: { rewind: "100", flow: "1" } });

    expect(await eve.inbox.take("position")).toMatchObject({ position: ana.position, reason: "replayed" });
    expect(eve.inbox.messages).toEqual([]);
  });
});

/** Requests history from a room over a socket. Resolves with the reply. */
async function ask(member: WebSocketMember, ref: number): Promise<unknown> {
  const { inbox } = member;
  member.send(history(ref));
  const isAnswer = (frame: ServerFrame): boolean => "ref" in frame && frame.ref === ref;
  await inbox.until(({ all }) => all.some(isAnswer));
  return inbox.all.find(isAnswer);
}

function history(ref: number): { type: "history"; ref: number; after: number } {
  return { type: "history", ref, after: 0 };
}
