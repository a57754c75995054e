import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents } from "../support/sse.ts";
import { bearer, token, type TokenOptions } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

interface Ticket {
  readonly ticket: string;
  readonly useWithinMs: number;
  readonly expiresInMs: number;
}

/** Exchanges a token for a ticket. */
async function ticketFor(room: string, options: TokenOptions = {}): Promise<Ticket> {
  const headers = bearer(await token(options));
  const response = await request(roomPath(room, "/ticket"), { method: "POST", headers }, to);
  expect(response.status).toBe(200);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  return response.json();
}

describe("tickets", () => {
  it("[D10 G12] a ticket is issued in exchange for a token, and is valid for a join over both transports", async () => {
    const room = uniqueRoom("closed");
    const first = await ticketFor(room, { info: { role: "host" } });
    const second = await ticketFor(room);

    const ana = await join(room, { to, query: { ticket: first.ticket } });
    const reader = await joinSse(room, { to, query: { ticket: second.ticket } });

    expect(first).toMatchObject({ useWithinMs: 60_000 });
    expect(await ana.welcome()).toMatchObject({ user: "ana", members: [{ info: { role: "host" } }] });
    expect(await reader.welcome()).toMatchObject({ user: "ana" });
    expect(ana.member).not.toBe(reader.member);
  });

  it.each([
    ["the room is awake", () => Promise.resolve()],
    ["the room has slept", (room: string) => evictDurableObject(kindsRoom(room).stub as DurableObjectStub)],
    ["the room has crashed", () => crash()],
  ])(
    "[D10 S2 G6] an EventSource with only a ticket reconnects as the same member: %s",
    async (_how, happen) => {
      const room = uniqueRoom("closed");
      const { ticket } = await ticketFor(room);
      const first = await joinSse(room, { to, query: { ticket } });
      first.vanish();
      await happen(room);
      pass(1_000_000);

      const back = await joinSse(room, { to, query: { ticket } });

      expect(back.member).toBe(first.member);
    },
  );

  it.each(["closed", "closed-memory"])(
    "[D10 G12] a ticket that another session has used is rejected in a `%s` room",
    async (kind) => {
      const room = uniqueRoom(kind);
      const { ticket } = await ticketFor(room);
      const ana = await join(room, { to, query: { ticket } });
      await kindsRoom(room).evict();

      const thief = await joinWebSocket(room, { to, query: { ticket, key: "AAAAAAAAAAAAAAAAAAAAAA" } });
      const back = await join(room, { to, query: { ticket }, key: ana.key });

      expect(await thief.inbox.take("error")).toMatchObject({ code: "ticket_used" });
      expect(await thief.closed).toMatchObject({ code: 4503 });
      expect(back.member).toBe(ana.member);
    },
  );

  it("[D10] a ticket that was not used in time is rejected", async () => {
    const room = uniqueRoom("closed");
    const { ticket, useWithinMs } = await ticketFor(room);
    pass(useWithinMs + 1);

    const late = await joinWebSocket(room, { to, query: { ticket } });

    expect(await late.inbox.take("error")).toMatchObject({ code: "ticket_expired" });
    expect(await late.closed).toMatchObject({ code: 4503 });
  });

  it.each([
    ["that was not used in time", 60_001, "was not used in time"],
    ["whose token has expired", 3_700_000, "the ticket has expired"],
  ])("[D10 S6 S7] an EventSource with a ticket %s must not retry", async (_what, ms, message) => {
    const room = uniqueRoom("closed");
    const { ticket } = await ticketFor(room);
    pass(ms);

    const late = await openEvents(room, { to, query: { ticket } });
    await late.ended;

    expect(late.inbox.all).toMatchObject([
      { code: "ticket_expired", message: expect.stringContaining(message) as string },
      { type: "close", code: 4503 },
    ]);
    expect(late.stream.lastEventId).toBe("~closed");
  });

  it("[D10 D5 G12] a ticket expires with its token, and is not valid in another room or for another ticket", async () => {
    const room = uniqueRoom("closed");
    const other = uniqueRoom("closed");
    const { ticket, expiresInMs } = await ticketFor(room);

    const elsewhere = await openEvents(other, { to, query: { ticket } });
    const again = await request(roomPath(room, `/ticket?ticket=${ticket}`), { method: "POST" }, to);
    const asToken = await request(roomPath(room), { headers: bearer(ticket) }, to);
    await join(room, { to, query: { ticket } });
    pass(expiresInMs + 10_000);
    const late = await openEvents(room, { to, query: { ticket } });

    expect(await elsewhere.inbox.take("error")).toMatchObject({ code: "token_invalid" });
    expect(again.status).toBe(401);
    expect(await asToken.json()).toMatchObject({ code: "token_invalid" });
    expect(await late.inbox.take("error")).toMatchObject({ code: "ticket_expired" });
  });

  it("[D10] a ticket request needs a token with the join capability", async () => {
    const room = uniqueRoom("closed");
    const post = async (headers: Record<string, string>): Promise<unknown> =>
      (await request(roomPath(room, "/ticket"), { method: "POST", headers }, to)).json();

    expect(await post({})).toMatchObject({ code: "token_missing" });
    expect(await post(bearer(await token({ rooms: { "*": ["history"] } })))).toMatchObject({
      code: "forbidden",
    });
    const lobby = await request(roomPath(uniqueRoom(), "/ticket"), { method: "POST" });
    expect(await lobby.json()).toMatchObject({ code: "token_missing" });
  });
});
