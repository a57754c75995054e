import { afterEach, describe, expect, it, vi } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import { lost } from "../support/grace.ts";
import { crash, evict, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

afterEach(() => vi.useRealTimers());

/** The events of all messages that a member has received, recorded or not. */
function eventsOf({ inbox }: Pick<WebSocketMember, "inbox">): string[] {
  return inbox.all.flatMap((frame) => (frame.type === "message" ? [frame.event] : []));
}

/** Publishes a message for some members, then a mark for all. Resolves once everyone has received the mark. */
async function tellOne(
  from: WebSocketMember,
  to: readonly string[],
  ...everyone: readonly Pick<WebSocketMember, "inbox">[]
): Promise<void> {
  from.send([
    { type: "publish", event: "secret", data: 1, to },
    { type: "publish", event: "mark" },
  ]);
  await Promise.all(
    everyone.map(({ inbox }) => inbox.take("message", ({ event }: { event: string }) => event === "mark")),
  );
}

describe("a message for some members", () => {
  it("[A7 G5 G12] a message for some members reaches them and its sender, over any transport, and nobody else", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem, dan] = [
      await join(room),
      await join(room),
      await joinSse(room),
      await joinSse(room),
    ];

    const ack = await ana.act({ type: "publish", event: "secret", data: 1, to: [bob.member, cem.member] });
    await ana.publish("mark", 1);
    await dan.inbox.take("message", ({ event }) => event === "mark");

    expect(ack).toEqual({ type: "ack", ref: 1, offset: 1 });
    for (const { inbox } of [ana, bob, cem]) {
      expect(await inbox.take("message", ({ offset }) => offset === 1)).toEqual({
        type: "message",
        offset: 1,
        time: expect.any(Number) as number,
        from: ana.member,
        to: [bob.member, cem.member],
        event: "secret",
        data: 1,
      });
    }
    expect(dan.inbox.texts.join()).not.toContain("secret");
    expect(dan.inbox.messages.map(({ offset }) => offset)).toEqual([2]);
  });

  it("[A7 H1 G5] a message for some members may be sent by POST, and its sender receives it on its stream", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await joinSse(room), await join(room)];

    const { body } = await bob.post({ type: "publish", ref: 1, event: "secret", to: [ana.member] });
    await ana.publish("mark", 1);
    await bob.inbox.take("message", ({ event }) => event === "mark");

    expect(body).toEqual({ type: "ack", ref: 1, offset: 1 });
    expect(eventsOf(ana)).toEqual(["secret", "mark"]);
    expect(eventsOf(bob)).toEqual(["secret", "mark"]);
    expect(eventsOf(cem)).toEqual(["mark"]);
  });

  it("[A7] a message for its sender alone, or for the same member twice, is delivered once", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];

    await ana.act({ type: "publish", event: "note", to: [ana.member] });
    await ana.act({ type: "publish", event: "twice", to: [bob.member, bob.member, ana.member] });
    await bob.inbox.take("message");

    expect(eventsOf(ana)).toEqual(["note", "twice"]);
    expect(bob.inbox.messages).toMatchObject([{ event: "twice", to: [bob.member, ana.member] }]);
  });

  it("[A7 F4] a message for some members keeps its place in a frame with other messages", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await join(room)];

    ana.send([
      { type: "publish", event: "all" },
      { type: "publish", event: "bob", to: [bob.member] },
      { type: "publish", event: "cem", to: [cem.member] },
      { type: "set", set: { k: 1 } },
      { type: "publish", event: "v-bob", to: [bob.member], volatile: true },
      { type: "publish", event: "both", to: [cem.member, bob.member] },
      { type: "publish", event: "v-all", volatile: true },
    ]);
    await Promise.all(
      [ana, bob, cem].map(({ inbox }) => inbox.take("message", ({ event }) => event === "v-all")),
    );

    expect(eventsOf(ana)).toEqual(["all", "bob", "cem", "both", "v-bob", "v-all"]);
    expect(eventsOf(bob)).toEqual(["all", "bob", "both", "v-bob", "v-all"]);
    expect(eventsOf(cem)).toEqual(["all", "cem", "both", "v-all"]);
    expect(cem.inbox.all.filter(({ type }) => type === "state")).toMatchObject([{ offset: 4 }]);
  });

  it("[A7 A4] a volatile message for some members reaches them and its sender, and names its addressees", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await joinSse(room), await joinSse(room)];

    ana.send({ type: "publish", event: "secret", volatile: true, to: [bob.member] });
    await ana.publish("mark", 1);
    await cem.inbox.take("message", ({ event }) => event === "mark");

    expect(await bob.inbox.take("message")).toMatchObject({ event: "secret", to: [bob.member] });
    expect(eventsOf(ana)).toEqual(["secret", "mark"]);
    expect(eventsOf(cem)).toEqual(["mark"]);
  });

  it("[A7 A3 G3] a repeated message is stored once, although its addressee has left", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    const act = { type: "publish", event: "secret", to: [bob.member] };
    const first = await ana.act(act, 1);
    bob.close(1000);
    await ana.inbox.take("presence", ({ left }) => left !== undefined);

    expect(await ana.act(act, 1)).toEqual(first);
    expect(await ana.act(act, 2)).toMatchObject({ code: "unknown_member" });
  });
});

describe("an addressee that is not a member", () => {
  it.each([
    "an unknown id",
    "a member that has left",
    "an unknown id among others",
    "a client that only watches",
  ])("[A7] a message for %s is rejected with unknown_member, and nothing is sent", async (who) => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await join(room)];
    const watcher = await join(room, { query: { view: "1" } });
    cem.close(1000);
    await ana.inbox.take("presence", ({ left }) => left !== undefined);
    const to = {
      "an unknown id": [randomKey()],
      "a member that has left": [cem.member],
      "an unknown id among others": [bob.member, randomKey()],
      "a client that only watches": [watcher.member],
    }[who] as string[];

    expect(await ana.act({ type: "publish", event: "secret", to })).toEqual({
      type: "error",
      ref: 1,
      code: "unknown_member",
      message: expect.any(String) as string,
    });
    expect(await ana.ask({ type: "publish", event: "secret", volatile: true, to })).toMatchObject({
      code: "unknown_member",
    });
    expect(await ana.publish("mark", 1)).toMatchObject({ offset: 1 });
    await bob.inbox.take("message");
    expect(eventsOf(bob)).toEqual(["mark"]);
  });

  it("[A7 H2] a message for an unknown id is rejected with status 404 over HTTP", async () => {
    const bob = await joinSse(uniqueRoom());

    expect(await bob.post({ type: "publish", ref: 1, event: "e", to: [randomKey()] })).toMatchObject({
      status: 404,
      body: { ref: 1, code: "unknown_member" },
    });
  });
});

describe("a message for some members, read later", () => {
  it.each([
    ["in the same life of the room", async () => undefined],
    ["after a hibernation", (room: string) => evict(room)],
    ["after a crash", () => crash()],
  ])(
    "[A7 P4 G4 G12] a replay sends a message to its addressees and its sender, and to nobody else: %s",
    async (_how, between) => {
      const room = uniqueRoom();
      const [ana, bob, cem] = [await join(room), await join(room), await joinSse(room)];
      const start = ana.position;
      await tellOne(ana, [bob.member], ana, bob, cem);

      await between(room);
      const [toAna, toBob, toCem, toDan] = await Promise.all([
        join(room, { key: ana.key, after: start }),
        joinSse(room, { key: bob.key, lastEventId: start }),
        join(room, { key: cem.key, after: start }),
        join(room, { query: { rewind: "10" } }),
      ]);
      await Promise.all([toAna, toBob, toCem, toDan].map(({ inbox }) => inbox.take("position")));

      expect(eventsOf(toAna)).toEqual(["secret", "mark"]);
      expect(eventsOf(toBob)).toEqual(["secret", "mark"]);
      expect(toBob.inbox.messages[0]).toMatchObject({ to: [bob.member], data: 1 });
      for (const { inbox } of [toCem, toDan]) {
        expect(inbox.texts.join()).not.toContain("secret");
        expect(inbox.messages.map(({ offset }) => offset)).toEqual([2]);
        expect(inbox.position).toBe(toAna.position);
      }
    },
  );

  it("[A7 A8 H5 G12] history contains a message for its addressees and its sender, and over HTTP for nobody", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem] = [await join(room), await join(room), await join(room)];
    await tellOne(ana, [bob.member], ana, bob, cem);
    await evict(room);

    const pages = await Promise.all(
      [ana, bob, cem].map((member) => {
        member.send({ type: "history", ref: 5, limit: 500 });
        return member.inbox.take("history");
      }),
    );
    const open = await (await request(roomPath(room, "/history?after=0&limit=1"))).json();

    expect(pages.map(({ messages }) => messages.map(({ event }) => event))).toEqual([
      ["secret", "mark"],
      ["secret", "mark"],
      ["mark"],
    ]);
    expect(open).toMatchObject({ messages: [{ event: "mark" }], more: false });
  });

  it("[A7 M4] a member whose connection was lost receives messages for it when it reconnects", async () => {
    const room = uniqueRoom("chat");
    const [ana, bob] = [await join(room), await joinSse(room)];
    bob.vanish();
    await lost(room, bob);

    expect(await ana.act({ type: "publish", event: "secret", to: [bob.member] })).toMatchObject({
      offset: 1,
    });
    await evict(room);
    const back = await joinSse(room, { key: bob.key, lastEventId: bob.stream.lastEventId });

    expect(await back.inbox.take("message")).toMatchObject({ offset: 1, event: "secret", to: [bob.member] });
  });

  it("[A7 G4] a member that has left receives earlier messages for it when it rejoins with its position", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    const start = bob.position;
    await tellOne(ana, [bob.member], ana, bob);
    bob.close(1000);
    await bob.closed;

    const back = await rejoin(room, bob, { after: start });

    expect(await back.inbox.take("message")).toMatchObject({ offset: 1, event: "secret" });
  });

  it("[A7 G6] after a hibernation a room sends a message only to its addressees and its sender", async () => {
    const room = uniqueRoom();
    const [ana, bob, cem, dan] = [
      await join(room),
      await join(room),
      await joinSse(room),
      await joinSse(room),
    ];
    await evict(room);

    await tellOne(ana, [cem.member], ana, bob, cem, dan);

    expect([ana, bob, cem, dan].map(eventsOf)).toEqual([
      ["secret", "mark"],
      ["mark"],
      ["secret", "mark"],
      ["mark"],
    ]);
  });
});
