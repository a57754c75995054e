import { describe, expect, it } from "vitest";
import { inRoom, infoOf, openSocketsOf, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinByPoll, poll, Poller } from "../support/polls.ts";
import { join } from "../support/websocket.ts";

/** Resolves when a poll waits in the room. */
async function waiting(room: string, sockets: number): Promise<void> {
  while ((await openSocketsOf(room)) < sockets) await scheduler.wait(1);
}

describe("a poll", () => {
  it("[Q1] the first poll joins, and its response is a welcome and a position", async () => {
    const room = uniqueRoom();
    const { status, headers, items } = await poll(room, { wait: 25 });

    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toBe("application/json");
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(items).toMatchObject([
      { type: "welcome", count: 1 },
      { type: "position", reason: "polled" },
    ]);
    expect(await infoOf(room)).toMatchObject({ members: 1 });
  });

  it("[Q2] a poll without news ends after its wait with the position alone", async () => {
    const ana = await joinByPoll(uniqueRoom());
    const { after } = ana;

    expect(await ana.poll()).toEqual([]);
    expect(await ana.poll({ wait: 1 })).toEqual([]);
    expect(ana.after).toBe(after);
  });

  it("[Q2] a poll that waits ends as soon as something is recorded", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    await ana.poll();
    const answer = ana.poll({ wait: 25 });
    await waiting(room, 2);

    await bob.publish("e", 1);

    expect(await answer).toMatchObject([{ type: "message", offset: 1, data: 1 }]);
    expect(ana.after).toMatch(/:1$/);
  });

  it("[Q3 G4] polls in a row neither lose nor repeat messages that are recorded between and during them", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    for (let sent = 0; sent < 20; sent++) {
      if (sent % 3 === 0) {
        await bob.publish("e", sent);
        await ana.poll({ wait: 25 });
      } else {
        const answer = ana.poll({ wait: 25 });
        await bob.publish("e", sent);
        await answer;
      }
    }
    while (ana.offsets.length < 20) await ana.poll();

    expect(ana.offsets).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(ana.all.filter(({ type }) => type === "welcome")).toHaveLength(1);
  });

  it("[Q3] a poll with the position of a lost response receives that response again", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    await bob.publish("e", 1);

    const lost = await ana.send({ wait: 25 });
    await bob.publish("e", 2);
    await ana.poll({ wait: 25 });

    expect(lost.items).toMatchObject([{ type: "presence" }, { offset: 1 }, {}, {}]);
    expect(ana.offsets).toEqual([1, 2]);
  });

  it("[Q6 G9] other members see one join and no leave of a member that polls again and again", async () => {
    const room = uniqueRoom();
    const bob = await join(room);
    const ana = await joinByPoll(room);
    for (let polls = 0; polls < 5; polls++) await ana.poll();
    await bob.publish("mark", 1);
    await bob.inbox.take("message");

    expect(bob.inbox.all.filter(({ type }) => type === "presence")).toMatchObject([
      { joined: [{ id: ana.welcome.member }] },
    ]);
  });

  it("[Q6] a poll writes no row", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    await ana.poll();
    const written = await inRoom(room, ({ storage }) => {
      const rows = storage.sql.exec("SELECT * FROM member").toArray();
      return JSON.stringify(rows);
    });
    await ana.poll();
    expect(
      await inRoom(room, ({ storage }) => JSON.stringify(storage.sql.exec("SELECT * FROM member").toArray())),
    ).toBe(written);
  });

  it("[Q4 J5] a newer poll of the same key ends the older one, whose response says so", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const older = ana.send({ wait: 25 });
    await waiting(room, 1);

    expect(await ana.poll()).toEqual([]);
    expect(await older).toMatchObject({
      status: 200,
      items: [
        { type: "close", code: 4504 },
        { type: "position", position: ana.after },
      ],
    });
  });

  it.each(["x", "-1", "1.5", "26", "1e1", "999999999999"])(
    "[Q2] a poll with wait=%s is a bad request",
    async (wait) => {
      const { status, items } = await poll(uniqueRoom(), { query: { wait } });
      expect(status).toBe(400);
      expect(items).toMatchObject([
        { code: "bad_request", message: expect.stringContaining(wait.slice(0, 8)) as string },
      ]);
    },
  );

  it("[Q2] a poll with two waits is a bad request", async () => {
    const response = await request(`${roomPath(uniqueRoom(), "/poll")}?wait=1&wait=2`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      message: expect.stringContaining("more than once") as string,
    });
  });

  it("[Q1 H4] a poll with extra slashes is a poll, and HEAD and POST are not allowed", async () => {
    const path = roomPath(uniqueRoom(), "/poll");
    expect((await request(`/${path}/?wait=0`)).status).toBe(200);
    expect((await request(path, { method: "HEAD" })).status).toBe(405);
    expect((await request(path, { method: "POST" })).status).toBe(405);
    const preflight = await request(path, {
      method: "OPTIONS",
      headers: { Origin: "https://a.example", "Access-Control-Request-Method": "GET" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Origin")).toBe("*");
  });

  it.each([
    ["of another log", "other:1", "epoch"],
    ["beyond the end of the log", undefined, "ahead"],
    ["that is malformed", "nonsense", "malformed"],
  ])(
    "[Q5 P5] a poll from a position %s gets a welcome that is not recovered",
    async (_what, position, reason) => {
      const room = uniqueRoom();
      const ana = await joinByPoll(room);
      const after = position ?? ana.after?.replace(/:.*/, ":99") ?? "";

      expect(await ana.poll({ wait: 25, query: { after } })).toMatchObject([
        { type: "welcome", recovered: false, reason },
      ]);
      expect(await ana.poll()).toEqual([]);
    },
  );

  it("[Q6] a member that leaves by POST ends its poll with that close", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const answer = ana.send({ wait: 25 });
    await waiting(room, 1);
    await ana.post({ type: "leave" });

    expect((await answer).items).toMatchObject([{ type: "close", code: 4507 }, { type: "position" }]);
    expect(await infoOf(room)).toMatchObject({ members: 0 });
  });

  it("[Q7 A7 R1] its own volatile messages do not answer the poll of a client, so it receives the reply to them", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    await ana.poll();
    const answer = ana.poll({ wait: 25 });
    await waiting(room, 2);

    await ana.post({ type: "publish", event: "ask", volatile: true, to: [bob.member] });
    await bob.inbox.take("message", ({ event }) => event === "ask");
    bob.send({ type: "publish", event: "reply", volatile: true, to: [ana.welcome.member] });

    expect(await answer).toMatchObject([{ type: "message", event: "reply" }]);
  });

  it("[Q7 A4] volatile messages reach a client only while its poll waits", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    const bob = await join(room);
    await ana.poll();
    bob.send({ type: "publish", event: "v", data: 1, volatile: true });
    await bob.inbox.take("message");
    expect(await ana.poll()).toEqual([]);

    const answer = ana.poll({ wait: 25 });
    await waiting(room, 2);
    bob.send({ type: "publish", event: "v", data: 2, volatile: true });
    expect(await answer).toMatchObject([{ type: "message", event: "v", data: 2 }]);
  });
});

describe("the members that a client that polls receives", () => {
  it("[Q5 M5] a poll brings the members that joined, changed and left since the last one", async () => {
    const room = uniqueRoom();
    const [bob, carl] = [await join(room, { presence: 1 }), await join(room)];
    const ana = await joinByPoll(room);
    await bob.setPresence(2);
    const dora = await join(room);
    const eve = await join(room);
    eve.close(1000);
    carl.close(1000);
    await dora.inbox.until(({ all }) => all.filter((f) => f.type === "presence" && f.left).length === 2);

    const items = await ana.poll({ wait: 25 });

    expect(items).toEqual([
      {
        type: "presence",
        joined: [{ id: dora.member }],
        updated: [{ id: bob.member, data: 2 }],
        roster: expect.any(String) as string,
        count: 4,
      },
      {
        type: "presence",
        left: [{ id: carl.member, reason: "left" }],
        roster: expect.any(String) as string,
        count: 3,
      },
    ]);
    expect(await ana.poll()).toEqual([]);
  });

  it("[Q5 M5] a poll with a roster that the room does not know brings the whole list", async () => {
    const room = uniqueRoom();
    const ana = await joinByPoll(room);
    await join(room);

    expect(await ana.poll({ query: { roster: "1.1" } })).toMatchObject([
      { type: "presence", mode: "list", count: 2 },
    ]);
  });

  it("[Q5] a poll without a roster begins with a welcome", async () => {
    const room = uniqueRoom();
    const ana = new Poller(room);
    await ana.poll();
    ana.roster = undefined;

    expect(await ana.poll()).toMatchObject([{ type: "welcome", recovered: true, count: 1 }]);
  });
});
