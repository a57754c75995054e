import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { crash, uniqueAddress, uniqueRoom, type Serve } from "../support/rooms.ts";
import { joinSse, openEvents, type SseMember } from "../support/sse.ts";
import { bearer, token } from "../support/tokens.ts";
import {
  join,
  joinWebSocket,
  rejoin,
  type WebSocketJoin,
  type WebSocketMember,
} from "../support/websocket.ts";

// The clock stands still, so no grace ends by itself.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

const FULL = { type: "error", code: "room_full", limit: "maxMembersPerSource" };

interface From {
  readonly to: Serve;
  readonly headers: Readonly<Record<string, string>>;
}

/** The join options of a client at an address. */
function from(address = uniqueAddress()): From {
  return { to, headers: { "CF-Connecting-IP": address } };
}

/** The join options of a user with a token, with a new address each time. */
async function as(user: string): Promise<From> {
  return { to, headers: bearer(await token({ user })) };
}

async function refusalOf(room: string, options: WebSocketJoin): Promise<unknown> {
  return (await joinWebSocket(room, options)).inbox.take("error");
}

/** Loses a connection as a network does. Resolves once the room has noticed. */
async function lose(room: string, member: SseMember): Promise<void> {
  member.vanish();
  await vi.waitFor(async () => expect(await gracesIn(room)).toContain(member.member));
}

function gracesIn(room: string): Promise<unknown[]> {
  return kindsRoom(room).inside(({ storage }) =>
    storage.sql
      .exec("SELECT id FROM member WHERE graceUntil IS NOT NULL")
      .toArray()
      .map(({ id }) => id),
  );
}

describe("the places of one source", () => {
  it("[J9 G10] a join from an address that has maxMembersPerSource members is rejected with room_full, over either transport", async () => {
    const room = uniqueRoom("shared");
    const home = from();
    await join(room, home);
    await joinSse(room, home);

    const third = await joinWebSocket(room, home);
    const reader = await openEvents(room, home);

    expect(await third.inbox.take("error")).toMatchObject({
      ...FULL,
      message: "this address has 2 members in the room, the limit is 2; retry when one has left",
      retryAfterMs: expect.any(Number) as number,
    });
    expect(await third.closed).toMatchObject({ code: 4005 });
    expect(await reader.inbox.take("error")).toMatchObject(FULL);
    await join(room, from());
    expect(await kindsRoom(room).info()).toMatchObject({ members: 3 });
  });

  it("[J9] a verified user's members count at all addresses together, and not for its address", async () => {
    const room = uniqueRoom("shared");
    const home = from();
    const atHome = { ...home, headers: { ...home.headers, ...(await as("ana")).headers } };
    await join(room, atHome);
    await join(room, await as("ana"));

    expect(await refusalOf(room, await as("ana"))).toMatchObject({
      ...FULL,
      message: "this user has 2 members in the room, the limit is 2; retry when one has left",
    });
    await join(room, home);
    await join(room, await as("bob"));
  });

  it("[J9] the addresses of one IPv6 network are one source", async () => {
    const room = uniqueRoom("shared");
    await join(room, from("2001:db8:1:1::1"));
    await join(room, from("2001:db8:1:1:ffff::2"));

    expect(await refusalOf(room, from("2001:db8:1:1::3"))).toMatchObject(FULL);
    await join(room, from("2001:db8:1:2::1"));
  });

  it("[J9 J10] view-only connections take places, and a member that becomes view-only keeps its place", async () => {
    const room = uniqueRoom("shared");
    const home = from();
    const view = { query: { view: "1" } };
    const ana = await join(room, home);
    await join(room, { ...home, ...view });

    expect(await refusalOf(room, { ...home, ...view })).toMatchObject(FULL);
    await rejoin(room, ana, { ...home, ...view });
    expect(await refusalOf(room, home)).toMatchObject(FULL);
  });

  it.each<[string, string, (room: string) => Promise<unknown>]>([
    ["awake", "shared", async () => undefined],
    ["after a sleep", "shared", (room) => kindsRoom(room).evict()],
    ["after a sleep, if members have no rows", "shared-none", (room) => kindsRoom(room).evict()],
  ])(
    "[J9 G6] a session in the room may always reconnect, and new ones are rejected: %s",
    async (_when, kind, pass) => {
      const room = uniqueRoom(kind);
      const home = from();
      const [ana, bob] = [await join(room, home), await join(room, home)];
      await pass(room);

      expect(await refusalOf(room, home)).toMatchObject(FULL);
      const back = await rejoin(room, ana, home);
      expect(back.member).toBe(ana.member);
      expect((await back.welcome()).count).toBe(2);

      bob.close(1000);
      await bob.closed;
      await join(room, home);
    },
  );

  it.each<[string, (room: string) => Promise<unknown>]>([
    ["awake", async () => undefined],
    ["after a sleep", (room) => kindsRoom(room).evict()],
    ["after a crash", () => crash()],
  ])("[J9 M4 G6] a member in its grace keeps its place, and may reconnect: %s", async (_when, pass) => {
    const room = uniqueRoom("shared-grace");
    const home = from();
    const lost = [await joinSse(room, home), await joinSse(room, home)] as const;
    for (const member of lost) await lose(room, member);
    await pass(room);

    expect(await refusalOf(room, home)).toMatchObject(FULL);
    const back = await joinSse(room, { ...home, key: lost[0].key });

    expect(back.member).toBe(lost[0].member);
    expect(await refusalOf(room, home)).toMatchObject(FULL);
    await join(room, from());
  });

  it.each<[string, string, (room: string) => Promise<unknown>]>([
    ["awake", "shared", async () => undefined],
    ["after a sleep", "shared", (room) => kindsRoom(room).evict()],
    ["after a sleep, if members have no rows", "shared-none", (room) => kindsRoom(room).evict()],
    ["after a crash", "shared-grace", () => crash()],
  ])(
    "[J9 G10] sessions that move to another address do not free places of the first: %s",
    async (_when, kind, pass) => {
      const room = uniqueRoom(kind);
      const [home, away] = [from(), from()];
      const here: WebSocketMember[] = [await join(room, home), await join(room, home)];
      const moved = await Promise.all(here.map((member) => rejoin(room, member, away)));
      await pass(room);

      expect(await refusalOf(room, home)).toMatchObject(FULL);
      expect(moved.map(({ member }) => member)).toEqual(here.map(({ member }) => member));
      await join(room, away);
    },
  );

  it("[J9 J10] a view-only connection that moves to another address does not free a place of the first", async () => {
    const room = uniqueRoom("shared-none");
    const [home, away] = [from(), from()];
    const view = { query: { view: "1" } };
    const watchers = [await join(room, { ...home, ...view }), await join(room, { ...home, ...view })];
    for (const each of watchers) await rejoin(room, each, { ...away, ...view });
    await kindsRoom(room).evict();

    expect(await refusalOf(room, home)).toMatchObject(FULL);
    await join(room, away);
  });

  it("[J9 M1] no client receives another's source", async () => {
    const room = uniqueRoom("shared-grace");
    const ana = await join(room, from());
    await joinSse(room, from());
    await ana.inbox.take("presence");

    const stored = await kindsRoom(room).inside(({ storage }) =>
      storage.sql.exec<{ source: string }>("SELECT source FROM member").toArray(),
    );
    const sources = stored.map(({ source }) => source);
    const told = JSON.stringify([ana.inbox.all, await kindsRoom(room).info()]);

    expect(new Set(sources).size).toBe(2);
    for (const source of sources) expect(told).not.toContain(source);
  });
});
