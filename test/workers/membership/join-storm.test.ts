import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { follow, mapOf, presenceOf, rosterOf, type Known } from "../support/rosters.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

/**
 * This many simultaneous joins are announced one by one: 1 + 2 + … + 44 frames are less than 1,000, and 45 more are
 * not.
 */
const ANNOUNCED_ALONE = 44;

// The clock stands still unless a test moves it. So a storm lasts as long as the test needs.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(async () => {
  vi.useRealTimers();
  await crash(); // If a hundred members left one after the other, every leave would be announced to all who remain.
});

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/**
 * A room that `count` members have joined at the same time. While joins are announced one by one, each has a turn of
 * its own. The others share turns, except the last.
 */
async function storm(count: number): Promise<{ room: string; members: WebSocketMember[] }> {
  const room = uniqueRoom();
  const members: WebSocketMember[] = [];
  const joinAs = (n: number): Promise<WebSocketMember> => join(room, { presence: n });
  for (let n = 0; n < Math.min(count, ANNOUNCED_ALONE); n++) members.push(await joinAs(n));
  if (count <= ANNOUNCED_ALONE) return { room, members };
  const together = Array.from({ length: count - 1 - ANNOUNCED_ALONE }, (_, n) => ANNOUNCED_ALONE + n);
  members.push(...(await Promise.all(together.map(joinAs))), await joinAs(count - 1));
  return { room, members };
}

/** The members as any client may read them. */
async function listOf(room: string): Promise<ReadonlyMap<string, unknown>> {
  const page = await (await request(roomPath(room, "/members?limit=1000"))).json<{ members: [] }>();
  return mapOf(page.members);
}

/** Expects all these members to know the list, once it has been announced. */
async function expectAllToKnow(room: string, members: readonly WebSocketMember[]): Promise<void> {
  const list = await listOf(room);
  for (const { inbox } of members) {
    // The count may be right before everything has been announced.
    await inbox.until(({ all }) => isSameKeys(follow(all).list, list));
    expect(follow(inbox.all)).toEqual({ list, count: list.size });
  }
}

function isSameKeys(known: Known["list"], list: ReadonlyMap<string, unknown>): boolean {
  return known?.size === list.size && [...list.keys()].every((id) => known.has(id));
}

describe("a storm of joins", () => {
  it("[M1] joins are announced one by one while they are few, and are held back beyond that", async () => {
    const { members } = await storm(120);
    const ana = members[0] as WebSocketMember;

    expect(presenceOf(ana).every(({ joined }) => joined?.length === 1)).toBe(true);
    expect(follow(ana.inbox.all).count).toBe(ANNOUNCED_ALONE);
  });

  it("[M1 G9] joins that were held back are announced together a little later, and none is missing", async () => {
    const { room, members } = await storm(120);
    const ana = members[0] as WebSocketMember;

    pass(1_000);
    const together = await ana.inbox.take("presence", ({ joined = [] }) => joined.length > 1);

    expect(together.joined).toHaveLength(120 - ANNOUNCED_ALONE);
    await expectAllToKnow(room, members);
  });

  it("[M1] in a storm of joins, the welcome of a new member is complete and not delayed", async () => {
    const { members } = await storm(120);
    const last = members.at(-1) as WebSocketMember;

    expect(await last.welcome()).toMatchObject({ count: 120 });
    expect((await last.welcome()).members).toHaveLength(120);
  });

  it("[M1] joins are held back even when a leave is not", async () => {
    const { room, members } = await storm(ANNOUNCED_ALONE);
    const [ana, ben] = members as [WebSocketMember, WebSocketMember];

    pass(20); // 120 frames: enough for one leave, but not for a join
    ben.close(1000);
    await ana.inbox.take("presence", ({ left }) => left?.[0]?.id === ben.member);
    await join(room);

    expect((await listOf(room)).size).toBe(ANNOUNCED_ALONE);
    expect(follow(ana.inbox.all).count).toBe(ANNOUNCED_ALONE - 1);
  });

  it("[M1 M3] members that asked for counts receive a storm of joins as one count", async () => {
    const room = uniqueRoom();
    const ana = await join(room, { query: { mode: "count" } });
    for (let n = 0; n < 100; n++) await join(room);
    const before = presenceOf(ana).length;

    pass(1_000);
    await ana.inbox.take("presence", ({ count }) => count === 101);

    expect(presenceOf(ana).slice(before)).toMatchObject([{ mode: "count", count: 101 }]);
  });
});

describe("while joins are held back", () => {
  it.each<[string, (member: WebSocketMember, to: string) => object]>([
    ["publishes", () => ({ type: "publish", event: "hello" })],
    ["publishes a volatile message", () => ({ type: "publish", event: "hello", volatile: true })],
    ["publishes to one member", (_member, to) => ({ type: "publish", event: "hello", to: [to] })],
    ["changes the state", () => ({ type: "set", set: { hello: 1 } })],
  ])("[M1 F4] a member that %s is announced first, even if its join was held back", async (_what, actOf) => {
    const { members } = await storm(95);
    const [ana, last] = [members[0], members.at(-1)] as [WebSocketMember, WebSocketMember];
    expect(follow(ana.inbox.all).list?.has(last.member)).toBe(false);

    last.send(actOf(last, ana.member));
    await ana.inbox.take(["message", "state"]);

    const [presence, message] = JSON.parse(ana.inbox.texts.at(-1) ?? "") as {
      from?: string;
      joined?: { id: string }[];
    }[];
    expect(message).toMatchObject({ from: last.member });
    expect(presence?.joined?.map(({ id }) => id)).toContain(last.member);
    expect(follow(ana.inbox.all).list?.size).toBe(95);
  });

  it("[M1 G9] members that leave or change their data in a storm end up in the list correctly", async () => {
    const { room, members } = await storm(110);
    for (const member of members.splice(60, 20)) member.close(1000); // some of them were announced already
    await members[1]?.setPresence("new");
    await members.at(-1)?.setPresence("newest");
    const back = members.splice(-2, 1)[0] as WebSocketMember;
    members.push(await rejoin(room, back, { presence: "changed" }));
    pass(1_000);

    await vi.waitFor(async () => expect((await listOf(room)).size).toBe(90));
    pass(1_000);
    await expectAllToKnow(room, members.slice(0, -1));
    expect([...(await listOf(room)).values()]).toEqual(expect.arrayContaining(["new", "newest", "changed"]));
  });

  it("[M1 M5] a member that reconnects in a storm with the current roster misses nothing", async () => {
    const { room, members } = await storm(95);
    const last = members.at(-1) as WebSocketMember;
    const known = follow(last.inbox.all);

    const back = await rejoin(room, last, { query: { roster: rosterOf(last) } });
    const late = await join(room);
    pass(1_000);
    await back.inbox.take("presence", ({ joined }) => joined?.some(({ id }) => id === late.member) ?? false);

    expect(await back.welcome()).not.toHaveProperty("members");
    expect(follow(back.inbox.all, known).list).toEqual(await listOf(room));
  });

  it("[M1 M5] a member that reconnects in a storm with its last received roster gets the list", async () => {
    const { room, members } = await storm(95);
    const ana = members[0] as WebSocketMember;

    const back = await rejoin(room, ana, { query: { roster: rosterOf(ana) } });

    expect((await back.welcome()).members).toHaveLength(95);
    pass(1_000);
    await back.inbox.take("presence");
    expect(follow(back.inbox.all).list).toEqual(await listOf(room));
  });

  it("[M1 G5] SSE clients receive held-back joins like all others", async () => {
    const { room } = await storm(100);
    const streams = [await joinSse(room), await joinSse(room)];
    const late = await join(room);
    pass(1_000);

    for (const { inbox } of streams) {
      await inbox.take("presence", ({ joined }) => joined?.some(({ id }) => id === late.member) ?? false);
      expect(follow(inbox.all).list).toEqual(await listOf(room));
    }
  });
});

it(
  "[M1 M6 G9] after a storm of joins and leaves at full speed, everyone knows the same members",
  { timeout: 30_000 },
  async () => {
    vi.useRealTimers();
    const room = uniqueRoom();
    const members = await Promise.all(Array.from({ length: 180 }, (_, n) => join(room, { presence: n })));
    const gone = members.splice(20, 60);
    const late = Promise.all(Array.from({ length: 30 }, () => join(room)));
    for (const member of gone) member.close(1000);
    members.push(...(await late));
    await Promise.all(gone.map(({ closed }) => closed));
    await vi.waitFor(async () => expect((await listOf(room)).size).toBe(150));

    await expectAllToKnow(room, members);
  },
);
