import { describe, expect, it } from "vitest";
import { refuse, type HookMember, type HookMessage, type RoomHandle } from "../../../src/config/hooks.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { crash, uniqueRoom } from "../support/rooms.ts";
import { setCreate } from "../support/test-hooks.ts";
import { join, joinWebSocket, rejoin, type WebSocketMember } from "../support/websocket.ts";

const to = serveKinds;

/** Hooks that replace the data of each message by the number of messages that they have seen. */
class Counter {
  #count = 0;

  onPublish(_room: RoomHandle, _member: HookMember, { event }: HookMessage): object | undefined {
    this.#count++;
    return event === "refused" ? refuse("no") : { data: this.#count };
  }
}

/** Publishes a message, and returns its data as the hook changed it. */
async function counted(member: WebSocketMember, ref?: number): Promise<unknown> {
  const before = member.inbox.messages.length;
  await member.publish("e", "any", ref === undefined ? {} : { ref });
  await member.inbox.until(({ messages }) => messages.length > before);
  return member.inbox.messages.at(-1)?.data;
}

describe("create", () => {
  it("[K1] create is called once in each room, with its name and kind, and its objects remember for their own room", async () => {
    const created: unknown[] = [];
    setCreate((room) => {
      created.push(room);
      return new Counter();
    });
    const rooms = [uniqueRoom("created"), uniqueRoom("created")] as const;
    const ana = await join(rooms[0], { to });
    const bob = await join(rooms[1], { to });

    expect([await counted(ana), await counted(ana), await counted(bob), await counted(ana)]).toEqual([
      1, 2, 1, 3,
    ]);
    expect(created).toEqual(rooms.map((name) => ({ name, kind: "created" })));
  });

  it("[K1 G6] what a created object remembers ends when the room hibernates, and the next event creates another object", async () => {
    let created = 0;
    setCreate(() => {
      created++;
      return new Counter();
    });
    const room = uniqueRoom("created");
    const ana = await join(room, { to });
    const before = [await counted(ana), await counted(ana)];

    await kindsRoom(room).evict();
    const after = [await counted(ana), await counted(ana)];

    expect([before, after, created]).toEqual([[1, 2], [1, 2], 2]);
  });

  it("[K1 G6] what a created object remembers ends in a crash", async () => {
    setCreate(() => new Counter());
    const room = uniqueRoom("created");
    const ana = await join(room, { to });
    const before = [await counted(ana), await counted(ana)];

    await crash();
    const again = await rejoin(room, ana, { to });

    expect([before, await counted(again, 3)]).toEqual([[1, 2], 1]);
  });

  it("[K1 G6] what must last can be read again from the shared state", async () => {
    setCreate(() => {
      let count: number | undefined;
      return {
        onPublish: (room) => {
          count = (count ?? Number(room.get("count")?.value ?? 0)) + 1;
          room.set({ count });
          return { data: count };
        },
      };
    });
    const room = uniqueRoom("created");
    const ana = await join(room, { to });
    const before = await counted(ana);

    await kindsRoom(room).evict();

    expect([before, await counted(ana)]).toEqual([1, 2]);
  });

  it("[K1] create is not called for a client that only watches, nor for queries", async () => {
    let created = 0;
    setCreate(() => {
      created++;
      return {};
    });
    const room = uniqueRoom("created");

    await join(room, { to, query: { view: "1" } });
    await kindsRoom(room).info();
    expect(created).toBe(0);
    await join(room, { to });
    expect(created).toBe(1);
  });

  it("[K1 K2] created hooks are called for the same events as the hooks of a kind", async () => {
    const called: unknown[] = [];
    setCreate(() => ({
      onJoin: (room, { data }, how) => void called.push(["join", room.kind, data, how.isReturn]),
      onPresence: (_room, _member, data) => void called.push(["presence", data]),
      onPublish: (room, _member, { event }) => {
        called.push(["publish", event]);
        room.publish("seen", event);
      },
      onSet: (_room, _member, { set }) => void called.push(["set", ...set.keys()]),
      onLeave: (_room, { data }, reason) => void called.push(["leave", data, reason]),
    }));
    const room = uniqueRoom("created");
    const [ana, bob] = [await join(room, { to, presence: "Ana" }), await join(room, { to })];

    await ana.publish("chat", 1);
    await ana.act({ type: "set", set: { key: 1 } });
    await ana.setPresence("Anna");
    await ana.act({ type: "leave" });
    await bob.inbox.until(({ messages }) => messages.length === 2);

    expect(called).toEqual([
      ["presence", "Ana"],
      ["join", "created", "Ana", false],
      ["join", "created", null, false],
      ["publish", "chat"],
      ["set", "key"],
      ["presence", "Anna"],
      ["leave", "Anna", "left"],
    ]);
    expect(bob.inbox.messages.map(({ event, from }) => [event, from === "room"])).toEqual([
      ["chat", false],
      ["seen", true],
    ]);
  });

  it("[K1] what a created object remembers is not undone when its hook refuses", async () => {
    setCreate(() => new Counter());
    const ana = await join(uniqueRoom("created"), { to });

    expect(await ana.publish("refused", 1)).toMatchObject({ code: "refused" });
    expect(await counted(ana)).toBe(2);
  });

  it.each([
    ["throws", () => raise(new Error("no"))],
    ["returns nothing", () => undefined as never],
    ["returns a promise", () => Promise.resolve({}) as never],
    ["returns an unknown hook", () => ({ onMessage: () => undefined }) as never],
    ["returns a hook that is not a function", () => ({ onPublish: true }) as never],
  ])(
    "[K3] if create %s, a join and an act are rejected with internal, and the next event calls it again",
    async (_what, create) => {
      const room = uniqueRoom("created");
      setCreate(create);
      const late = await joinWebSocket(room, { to });
      expect(await late.inbox.take("error")).toMatchObject({ code: "internal" });
      setCreate(() => new Counter());
      const ana = await join(room, { to });
      await kindsRoom(room).evict();

      setCreate(create);
      expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });
      setCreate(() => new Counter());

      expect(await counted(ana)).toBe(1);
    },
  );
});

function raise(error: Error): never {
  throw error;
}
