import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { evict, request, roomPath, uniqueAddress, uniqueRoom, type Serve } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { openEvents, post } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket, upgrade, type WebSocketMember } from "../support/websocket.ts";

const TOO_MANY = { code: "rate_limited", limit: "newRoomsPerDay" };

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Whether a room's object has ever run. */
async function wasTouched(room: string): Promise<boolean> {
  const id = env.ROOM.idFromName(room).toString();
  return (await listDurableObjectIds(env.ROOM)).some((other) => other.toString() === id);
}

/** A server that allows a source two new rooms a day, and a source that has created both. */
async function afterTwo(options: { readonly headers?: Record<string, string> } = {}) {
  const to = serverWith({ NEW_ROOMS_PER_DAY: "2" });
  const headers = options.headers ?? { "CF-Connecting-IP": uniqueAddress() };
  const rooms = [uniqueRoom(), uniqueRoom()];
  for (const room of rooms) await join(room, { to, headers });
  return { to, headers, rooms };
}

/** Joins, and expects that the join is accepted. */
async function expectToJoin(
  room: string,
  options: { readonly to: Serve; readonly headers: Record<string, string> },
): Promise<WebSocketMember> {
  const member = await joinWebSocket(room, options);
  expect(await member.welcome()).toMatchObject({ type: "welcome" });
  return member;
}

describe("new rooms", () => {
  it("[L3 J8] a join to a new room over the day's limit is rejected over both transports, and the room is not created", async () => {
    const { to, headers } = await afterTwo();
    const room = uniqueRoom();

    const socket = await upgrade(room, { to, headers });
    const reader = await openEvents(room, { to, headers });
    await reader.ended;

    expect(socket.status).toBe(429);
    expect(socket.headers.get("Retry-After")).toBe("3600");
    expect(await socket.json()).toMatchObject(TOO_MANY);
    expect(reader.inbox.all).toMatchObject([TOO_MANY]);
    expect(reader.stream.retryMs).toBe(3_600_000);
    expect(await (await request(roomPath(room), {}, to)).json()).toMatchObject({ position: null });
  });

  it("[L3] existing rooms can be joined over the limit of new rooms, also if they are empty and asleep", async () => {
    const { to, headers, rooms } = await afterTwo();
    const theirs = uniqueRoom();
    const made = await join(theirs, { to });
    made.close(1000);
    await made.closed;

    for (const room of [...rooms, theirs, theirs]) {
      const again = await expectToJoin(room, { to, headers });
      again.close(1000);
      await again.closed;
    }
    const guest = { to, headers: { "CF-Connecting-IP": uniqueAddress() } };
    for (const room of [...rooms, theirs, uniqueRoom(), uniqueRoom()]) await expectToJoin(room, guest);
  });

  it("[L3] after half a day one of two new rooms is allowed again, and rejected joins do not count", async () => {
    const { to, headers } = await afterTwo();
    for (let n = 0; n < 5; n++) expect((await upgrade(uniqueRoom(), { to, headers })).status).toBe(429);

    pass(43_200_000);
    await join(uniqueRoom(), { to, headers });

    expect((await upgrade(uniqueRoom(), { to, headers })).status).toBe(429);
  });

  it("[L3 G10] the limit of new rooms applies to all addresses of the same /64, and to no other address", async () => {
    const { to } = await afterTwo({ headers: { "CF-Connecting-IP": "2001:db8:5:6::1" } });

    await join(uniqueRoom(), { to, headers: { "CF-Connecting-IP": "2001:db8:5:7::1" } });

    const neighbour = { "CF-Connecting-IP": "2001:db8:5:6:7::8" };
    expect((await upgrade(uniqueRoom(), { to, headers: neighbour })).status).toBe(429);
  });

  it("[L3] new rooms count for a user at any address, and not for another user at the same address", async () => {
    const from = async (user: string, address = uniqueAddress()): Promise<Record<string, string>> => ({
      ...bearer(await token({ user })),
      "CF-Connecting-IP": address,
    });
    const home = uniqueAddress();
    const { to } = await afterTwo({ headers: await from("ana", home) });

    expect((await upgrade(uniqueRoom(), { to, headers: await from("ana") })).status).toBe(429);
    await join(uniqueRoom(), { to, headers: await from("bob", home) });
  });

  it("[L3 T6] the only member of a room that stores nothing can rejoin any number of times over the limit of new rooms", async () => {
    const { to, headers } = await afterTwo();
    const room = uniqueRoom("cursors");

    for (let n = 0; n < 4; n++) {
      const ana = await expectToJoin(room, { to, headers });
      ana.close(1000);
      await ana.closed;
    }
    const fresh = await afterTwo();
    await expectToJoin(uniqueRoom("cursors"), fresh);
  });

  it("[L3] new rooms are not limited if ADDRESS_LIMITS is off", async () => {
    const to = serverWith({ NEW_ROOMS_PER_DAY: "1", ADDRESS_LIMITS: "off" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };

    for (let n = 0; n < 3; n++) await expectToJoin(uniqueRoom(), { to, headers });
  });
});

describe("new rooms that are read without a join", () => {
  /** All requests that read a room. */
  const TOUCHES: [what: string, part: string][] = [
    ["how many are there", ""],
    ["history", "/history"],
    ["members", "/members"],
    ["state", "/state"],
  ];

  it.each(TOUCHES)(
    "[L3 N3] new rooms that are read count as rooms that were joined first: %s",
    async (_what, part) => {
      const to = serverWith({ NEW_ROOMS_PER_DAY: "2" });
      const headers = { "CF-Connecting-IP": uniqueAddress() };
      const read = (room: string): Promise<Response> => request(roomPath(room, part), { headers }, to);
      const [first, second, third] = [uniqueRoom(), uniqueRoom(), uniqueRoom()];
      for (const room of [first, second]) expect((await read(room)).status).toBe(200);

      const refused = await read(third);

      expect(refused.status).toBe(429);
      expect(await refused.json()).toMatchObject({ ...TOO_MANY, retryAfterMs: 10_000 });
      expect(await wasTouched(third)).toBe(false);
      expect((await upgrade(uniqueRoom(), { to, headers })).status).toBe(429);
      expect((await request(roomPath(third, part), {}, to)).status).toBe(200);
    },
  );

  /** Posts to a room as a session that is not a member. Returns the error code of the response. */
  async function postUnjoined(room: string, headers: Record<string, string>, to: Serve): Promise<string> {
    const key = randomKey();
    const { session } = await deriveIdentity(room, "", key);
    const { body } = await post(room, { session, key }, { type: "publish", event: "e" }, headers, to);
    return (body as { code: string }).code;
  }

  it("[L3 H1] acts by POST of a session that is not a member count as new rooms as well", async () => {
    const to = serverWith({ NEW_ROOMS_PER_DAY: "2" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    for (let n = 0; n < 2; n++) expect(await postUnjoined(uniqueRoom(), headers, to)).toBe("not_joined");

    expect((await upgrade(uniqueRoom(), { to, headers })).status).toBe(429);
    expect(await (await request(roomPath(uniqueRoom()), { headers }, to)).json()).toMatchObject(TOO_MANY);
  });

  it("[L3 H1] the limit of new rooms never stops an act by POST, because its room may be joined through another isolate", async () => {
    const { headers, to } = await afterTwo();
    const room = uniqueRoom();
    const elsewhere = serverWith({ NEW_ROOMS_PER_DAY: "2" });
    const key = randomKey();
    const ana = await join(room, { to: elsewhere, key });
    const { session } = await deriveIdentity(room, "", key);

    const { body } = await post(room, { session, key }, { type: "publish", event: "e" }, headers, to);

    expect(body).toMatchObject({ type: "ack", offset: 1 });
    expect(await ana.inbox.take("message")).toMatchObject({ offset: 1 });
    expect(await postUnjoined(uniqueRoom(), headers, to)).toBe("not_joined");
  });

  it("[L3] a room that a source reads and then joins first counts once", async () => {
    const to = serverWith({ NEW_ROOMS_PER_DAY: "2" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    for (const room of [uniqueRoom(), uniqueRoom()]) {
      expect((await request(roomPath(room), { headers }, to)).status).toBe(200);
      await expectToJoin(room, { to, headers });
    }

    expect((await upgrade(uniqueRoom(), { to, headers })).status).toBe(429);
  });

  it.each(TOUCHES)(
    "[L3 T6] a room that stores nothing does not count as new when it is read, also after it slept: %s",
    async (_what, part) => {
      const to = serverWith({ NEW_ROOMS_PER_DAY: "1" });
      const headers = { "CF-Connecting-IP": uniqueAddress() };
      for (let n = 0; n < 2; n++) {
        const room = uniqueRoom("cursors");
        await join(room, { to: serverWith({}) });
        await evict(room);
        expect((await request(roomPath(room, part), { headers }, to)).status).toBe(200);
        expect(await postUnjoined(room, headers, to)).toBe("not_joined");
      }

      await expectToJoin(uniqueRoom(), { to, headers });
    },
  );

  it("[L3 G10] a new room counts once however many times it is read, and can always be read again", async () => {
    const to = serverWith({ NEW_ROOMS_PER_DAY: "2" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const room = uniqueRoom();

    for (let n = 0; n < 5; n++) expect((await request(roomPath(room), { headers }, to)).status).toBe(200);
    await join(uniqueRoom(), { to, headers });
    expect((await request(roomPath(uniqueRoom()), { headers }, to)).status).toBe(429);

    expect((await request(roomPath(room), { headers }, to)).status).toBe(200);
  });

  it("[L3 G10] over the limit of new rooms, a room that has been joined can still be read", async () => {
    const { to, headers, rooms } = await afterTwo();
    const theirs = uniqueRoom();
    await join(theirs, { to });
    expect((await request(roomPath(theirs), {}, to)).status).toBe(200);

    const statuses = await Promise.all(
      [...rooms, theirs].map(async (room) => (await request(roomPath(room), { headers }, to)).status),
    );

    expect(statuses).toEqual([200, 200, 200]);
  });
});

describe("requests per address", () => {
  const limit = { code: "rate_limited", limit: "requestsPerAddress" };

  /** Sends a request that is rejected without a room. */
  async function ask(to: ReturnType<typeof serverWith>, headers: Record<string, string>): Promise<unknown> {
    return (await request(roomPath("nowhere:x"), { headers }, to)).json();
  }

  it("[L3 G10] requests over the limit of an address are rejected, and joins and other addresses are not affected", async () => {
    const to = serverWith({ REQUESTS_PER_ADDRESS: undefined, JOINS_PER_ADDRESS: undefined });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const room = uniqueRoom();
    for (let n = 0; n < 600; n++) expect(await ask(to, headers)).toMatchObject({ code: "unknown_kind" });

    const refused = await request(roomPath(room), { headers }, to);
    const ticket = await request(roomPath(room, "/ticket"), { method: "POST", headers }, to);

    expect(refused.status).toBe(429);
    expect(refused.headers.get("Retry-After")).toBe("10");
    expect(await refused.json()).toMatchObject(limit);
    expect(await ticket.json()).toMatchObject(limit);
    expect(await ask(to, { "CF-Connecting-IP": uniqueAddress() })).toMatchObject({ code: "unknown_kind" });
    await join(room, { to, headers });
  });

  it("[L3] requests over the limit of a user are rejected at any address, and other users at its address are not affected", async () => {
    const to = serverWith({ REQUESTS_PER_ADDRESS: undefined });
    const home = { "CF-Connecting-IP": uniqueAddress() };
    const ana = bearer(await token({ rooms: { "*": ["join"] } }));
    const read = async (headers: Record<string, string>): Promise<unknown> =>
      (await request(roomPath("lobby", "/members"), { headers }, to)).json();
    for (let n = 0; n < 600; n++) await read({ ...ana, ...home });

    expect(await read(ana)).toMatchObject(limit);
    expect(
      await read({ ...bearer(await token({ user: "bob", rooms: { "*": ["join"] } })), ...home }),
    ).toMatchObject({ code: "forbidden" });
    expect(await ask(to, home)).toMatchObject({ code: "unknown_kind" });
  });

  it("[L3] a request with an invalid token counts for its address", async () => {
    const to = serverWith({ REQUESTS_PER_ADDRESS: undefined });
    const headers = { ...bearer("nonsense"), "CF-Connecting-IP": uniqueAddress() };
    for (let n = 0; n < 600; n++) await request(roomPath("lobby"), { headers }, to);

    expect(await (await request(roomPath("lobby"), { headers }, to)).json()).toMatchObject(limit);
  });

  it("[L3] requests per address are not limited if ADDRESS_LIMITS is off", async () => {
    const to = serverWith({ REQUESTS_PER_ADDRESS: undefined, ADDRESS_LIMITS: "off" });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    for (let n = 0; n < 601; n++) expect(await ask(to, headers)).toMatchObject({ code: "unknown_kind" });
  });
});
