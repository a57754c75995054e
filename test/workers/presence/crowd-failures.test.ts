import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Roster } from "../../../src/room/presence/roster.ts";
import { Tables } from "../../../src/room/tables.ts";
import { CALM, LIST_MAX, countFrame, leave, listed, roomOf, told } from "../support/crowd.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { follow, mapOf, rosterOf } from "../support/rosters.ts";
import { crash, inRoom, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinByPoll } from "../support/polls.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

const to = serveKinds;

describe("a client that reconnects to a large room", () => {
  it("[M6 M5] a client that reconnects to a room in counts gets no list, whatever roster it brings", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    const ana = members[0] as WebSocketMember;
    await told(ana, LIST_MAX + 1);

    const current = await rejoin(room, ana, { to, query: { roster: rosterOf(ana) } });
    const stale = await rejoin(room, ana, { to, query: { roster: "stale" } });

    for (const back of [current, stale]) {
      expect(await back.welcome()).toMatchObject({ mode: "count", count: LIST_MAX + 1 });
      expect(await back.welcome()).not.toHaveProperty("members");
    }
  });

  it("[M6 M5] a client that reconnects when the room has a list again gets the list", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    const [ana, bob] = members as [WebSocketMember, WebSocketMember];
    await told(ana, LIST_MAX + 1);
    const [roster, position] = [rosterOf(ana), ana.position];
    for (const member of [ana, ...members.slice(4)]) await leave(member); // 3
    await told(bob, 3);

    const back = await join(room, { to, key: ana.key, after: position, query: { roster } });

    expect(await back.welcome()).toMatchObject({ mode: "list", count: CALM });
    expect((await back.welcome()).members).toHaveLength(CALM);
  });
});

describe("a client that polls and missed a change between list and count", () => {
  it("[M6 M5 Q5] a client that polls learns that members receive the count, even if it knows the list", async () => {
    const { room } = await roomOf(LIST_MAX - 1);
    const ana = await joinByPoll(room, { to });
    await leave(await join(room, { to }));

    await ana.poll();

    expect(follow(ana.all)).toEqual({ list: undefined, count: LIST_MAX });
  });

  it("[M6 M5 Q5] a client that polls gets the list when it is sent again, even if the members are those of the last count", async () => {
    const { room, members } = await roomOf(LIST_MAX - 1);
    const ana = await joinByPoll(room, { to });
    const other = await join(room, { to });
    await ana.poll();
    await leave(other);
    await ana.poll();
    const last = members.at(-1) as WebSocketMember;
    await leave(last);
    await join(room, { to, key: last.key });

    await ana.poll();

    const listed = [...(follow(ana.all).list?.keys() ?? [])];
    expect(listed.toSorted()).toEqual([ana.welcome, ...members].map(({ member }) => member).toSorted());
  });
});

describe("a large room over a sleep or a crash", () => {
  it("[M6 G6] a sleep between both limits does not change whether members receive a count or a list", async () => {
    const [crowd, list] = [await roomOf(LIST_MAX + 1), await roomOf(LIST_MAX)];
    await leave(crowd.members.pop() as WebSocketMember);
    await kindsRoom(crowd.room).evict();
    await kindsRoom(list.room).evict();

    const [toCrowd, toList] = [crowd, list].map(({ room, members }) =>
      rejoin(room, members[0] as WebSocketMember, { to }),
    ) as [Promise<WebSocketMember>, Promise<WebSocketMember>];

    expect(await (await toCrowd).welcome()).toMatchObject({ mode: "count", count: LIST_MAX });
    expect(await (await toList).welcome()).toMatchObject({ mode: "list", count: LIST_MAX });
    await leave(crowd.members.at(-1) as WebSocketMember);
    expect(await listed(await toCrowd)).toMatchObject({ count: CALM });
  });

  it("[M6 G6] a sleep does not suppress the change to counts, nor the change back to a list", async () => {
    const { room, members } = await roomOf(LIST_MAX);
    const ana = members[0] as WebSocketMember;
    await kindsRoom(room).evict();
    const last = await join(room, { to });
    expect(await told(ana, LIST_MAX + 1)).toEqual(countFrame(LIST_MAX + 1));
    await leave(last);
    await kindsRoom(room).evict();
    await leave(members[1] as WebSocketMember);

    expect((await listed(ana)).members).toHaveLength(CALM);
  });

  it("[M6 G6] a room that stores nothing sends the list or the count to everyone after a sleep, because it does not know the last form", async () => {
    const told = await inRoom(uniqueRoom(), ({ storage }) => {
      const wake = (): Roster => new Roster(new Tables(storage), { fingerprint: "", size: 0 }, 5);
      const turns = (...counts: number[]): unknown[] => {
        const roster = wake();
        return counts.map((count) => [roster.recount(count), roster.isCrowded(count)]);
      };
      return {
        "a crowd that shrank": turns(5, 4),
        "a list that was full": turns(5, 6, 5, 4),
        "a crowd that grew": turns(7, 5, 4),
        "a few": turns(4, 5, 6),
      };
    });

    expect(told).toEqual({
      "a crowd that shrank": [
        [true, false],
        [false, false],
      ],
      "a list that was full": [
        [true, false],
        [true, true],
        [false, true],
        [true, false],
      ],
      "a crowd that grew": [
        [true, true],
        [false, true],
        [true, false],
      ],
      "a few": [
        [false, false],
        [false, false],
        [true, true],
      ],
    });
  });

  it("[M6 G6] a room whose tables were created after it became large sends the list or the count again after a sleep", async () => {
    const turned = await inRoom(uniqueRoom(), ({ storage }) => {
      const wake = (): Roster => new Roster(new Tables(storage), { fingerprint: "", size: 0 }, 5);
      wake().recount(6);
      new Tables(storage).create();
      return [wake().recount(5), wake().recount(5)];
    });

    expect(turned).toEqual([true, false]);
  });

  it("[M6 G6 G9] a crash that empties a large room brings the list back", async () => {
    const { room, members } = await roomOf(LIST_MAX + 1);
    await crash();

    const back = await rejoin(room, members[0] as WebSocketMember, { to });

    expect(await back.welcome()).toMatchObject({ mode: "list", count: 1 });
    expect((await back.welcome()).members).toHaveLength(1);
  });
});

it("[M6 M5 M1 G9] near the limits everyone knows the members, or their number, whatever happens", async () => {
  const anyStep = fc.record({
    is: fc.constantFrom("join", "join", "leave", "say", "sleep"),
    at: fc.nat(100),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 30 }), async (steps) => {
      const { room, members } = await roomOf(CALM);
      for (const { is, at } of steps) {
        const index = 1 + (at % Math.max(1, members.length - 1));
        if (is === "join" && members.length < 9) members.push(await join(room, { to }));
        if (is === "leave") for (const member of members.splice(index, 1)) await leave(member);
        if (is === "say") await members.at(at % members.length)?.setPresence(at);
        if (is === "sleep")
          await kindsRoom(room)
            .evict()
            .catch(() => undefined); // it may already be asleep
      }
      const page = await (await request(roomPath(room, "/members"), {}, to)).json<{ members: [] }>();
      await members[0]?.publish("mark", 1);

      const lists = new Set<boolean>();
      for (const { inbox } of members) {
        await inbox.take("message");
        const { list, count } = follow(inbox.all);
        expect(count).toBe(members.length);
        expect(list ?? mapOf(page.members)).toEqual(mapOf(page.members));
        lists.add(list !== undefined);
      }
      expect(lists.size).toBe(1);
    }),
    { numRuns: 15, endOnFailure: false },
  );
}, 60_000);
