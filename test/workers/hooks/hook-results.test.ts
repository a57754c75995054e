import { describe, expect, it } from "vitest";
import { refuse, type KindHooks, type RoomHandle } from "../../../src/config/hooks.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { openEvents } from "../support/sse.ts";
import { stateOf } from "../support/state.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

const to = serveKinds;

/** Not every team compiles with types, so a hook may return a value that its type forbids. */
function returning(answer: unknown): () => never {
  return () => answer as never;
}

function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

function cycle(): unknown {
  const data: Record<string, unknown> = {};
  data["itself"] = data;
  return data;
}

const unwritable: unknown = Object.create(null);

/** Everything that counts as a failure of a hook. */
const FAILURES: readonly [what: string, hook: () => never][] = [
  ["returns false", returning(false)],
  ["returns true", returning(true)],
  ["returns 0", returning(0)],
  ["returns an empty string", returning("")],
  ["returns a string", returning("no")],
  ["returns a BigInt", returning(1n)],
  ["returns a symbol", returning(Symbol("no"))],
  ["returns a function", returning(() => undefined)],
  ["is asynchronous", (async () => undefined) as unknown as () => never],
  ["returns a refusal that cannot be converted to a string", returning({ refused: unwritable })],
  ["throws a string", throwing("no")],
  ["throws undefined", throwing(undefined)],
  ["throws a value that cannot be converted to a string", throwing(unwritable)],
];

/** Expects that the room still works: the same object serves it, and the rejected act left no trace. */
async function expectToGoOn(room: string, before: { readonly awakeSince: number }): Promise<void> {
  setHooks({ onJoin: () => undefined, onPublish: () => undefined, onSet: () => undefined });
  expect(await kindsRoom(room).info()).toMatchObject({ awakeSince: before.awakeSince });
  const cem = await join(room, { to });
  expect(await cem.publish("still", "here")).toMatchObject({ type: "ack", offset: 1 });
  expect((await stateOf(room, to)).shared.size).toBe(0);
}

describe("a hook that fails", () => {
  it.each(FAILURES)(
    "[K3 G6] a publish is rejected with internal if its hook %s, and the room still works",
    async (_what, hook) => {
      const room = uniqueRoom("ruled");
      const [ana, bob] = [await join(room, { to }), await join(room, { to })];
      const before = await kindsRoom(room).info();
      setHooks({ onPublish: hook });

      expect(await ana.publish("e", 1, { ref: 1 })).toMatchObject({ code: "internal", ref: 1 });
      expect(await ana.ask({ type: "publish", event: "e", volatile: true })).toMatchObject({
        code: "internal",
      });

      await expectToGoOn(room, before);
      expect(await ana.publish("again", 1, { ref: 1 })).toMatchObject({ offset: 2 });
      await bob.inbox.until(({ messages }) => messages.length === 2);
      expect(bob.inbox.messages.map(({ event }) => event)).toEqual(["still", "again"]);
    },
  );

  it.each(FAILURES)(
    "[K3 G6] a state change is rejected with internal if its hook %s, and the room still works",
    async (_what, hook) => {
      const room = uniqueRoom("ruled");
      const ana = await join(room, { to });
      const before = await kindsRoom(room).info();
      setHooks({ onSet: hook });

      expect(await ana.act({ type: "set", set: { a: 1 } })).toMatchObject({ code: "internal" });

      await expectToGoOn(room, before);
    },
  );

  it.each(FAILURES)(
    "[K3 J8] a join is rejected over either transport if its hook %s",
    async (_what, hook) => {
      const room = uniqueRoom("ruled");
      const ana = await join(room, { to });
      const before = await kindsRoom(room).info();
      setHooks({ onJoin: hook });

      const bob = await joinWebSocket(room, { to });
      const reader = await openEvents(room, { to });

      expect(await bob.inbox.take("error")).toMatchObject({ code: "internal" });
      expect(await bob.closed).toMatchObject({ code: 4000 });
      expect(await reader.inbox.take("error")).toMatchObject({ code: "internal" });
      expect(await kindsRoom(room).info()).toMatchObject({ members: 1 });
      await expectToGoOn(room, before);
      expect(ana.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1); // of the client that joined afterwards
    },
  );

  it.each(FAILURES)("[K3 G9] a member can leave if its hook %s", async (_what, hook) => {
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    const before = await kindsRoom(room).info();
    setHooks({ onLeave: hook });

    bob.send({ type: "leave" });

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({ count: 1 });
    await expectToGoOn(room, before);
  });
});

describe("message data that a hook returns", () => {
  it.each([
    ["undefined", undefined, null],
    ["false", false, false],
    ["an empty string", "", ""],
  ])(
    "[K1 A1] message data that a hook returns as %s is delivered as JSON writes it",
    async (_what, data, delivered) => {
      const room = uniqueRoom("ruled");
      const [ana, bob] = [await join(room, { to }), await join(room, { to })];
      setHooks({ onPublish: returning({ data }) });

      await ana.publish("e", "mine");

      expect(await bob.inbox.take("message")).toMatchObject({ event: "e", data: delivered });
    },
  );

  it("[K1 A1] a message keeps the sender's data if the hook returns none", async () => {
    const ana = await join(uniqueRoom("ruled"), { to });
    setHooks({ onPublish: returning({ event: "other" }) });

    await ana.publish("e", { mine: 1 });

    expect(ana.inbox.messages).toMatchObject([{ event: "other", data: { mine: 1 } }]);
  });

  it.each<[string, unknown]>([
    ["a BigInt", { data: 1n }],
    ["a function", { data: () => undefined }],
    ["a symbol", { data: Symbol("x") }],
    ["NaN", { data: Number.NaN }],
    ["a cycle", { data: cycle() }],
    ["an object whose toJSON throws", { data: { toJSON: throwing("no") } }],
    ["1 with an event that is a number", { event: 7, data: 1 }],
    ["1 with an event that is an object", { event: {}, data: 1 }],
  ])(
    "[K3 G6] a hook that returns the data %s rejects the publish with internal, and the room still works",
    async (_what, answer) => {
      const room = uniqueRoom("ruled");
      const ana = await join(room, { to });
      const before = await kindsRoom(room).info();
      setHooks({ onPublish: returning(answer) });

      expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });

      await expectToGoOn(room, before);
    },
  );

  it.each([
    ["characters", "x".repeat(70_000)],
    ["bytes", "é".repeat(40_000)],
  ])(
    "[K3 F3] a hook's data that is larger in %s than a frame may be is rejected with frame_too_large",
    async (_unit, data) => {
      const ana = await join(uniqueRoom("ruled"), { to });
      setHooks({ onPublish: returning({ data }) });

      expect(await ana.publish("e", 1)).toMatchObject({ code: "frame_too_large", limit: "maxFrameBytes" });
    },
  );

  it.each([
    ["a Map", new Map([["a", 1]])],
    ["NaN", { a: NaN }],
    ["bytes among data", { a: Uint8Array.of(1) }],
  ])(
    "[K3 A1] a hook's data that JSON would change silently, such as %s, is rejected with internal",
    async (_what, data) => {
      const ana = await join(uniqueRoom("ruled"), { to });
      setHooks({ onPublish: returning({ data }) });

      expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });
    },
  );

  it("[K1 A10] a hook's data that is a view of a buffer is sent as raw bytes", async () => {
    const ana = await join(uniqueRoom("ruled"), { to });
    setHooks({ onPublish: returning({ bytes: new DataView(Uint8Array.of(9, 1, 2).buffer, 1) }) });

    await ana.publish("e", 1);

    expect(await ana.inbox.take("message")).toMatchObject({ bytes: "AQI=" });
  });
});

describe("a hook that changes an object it received or returned", () => {
  /** Makes an object unrepresentable in JSON after the hook received or returned it. */
  function spoil(data: unknown): void {
    (data as Record<string, unknown>)["itself"] = data;
  }

  it.each<[string, KindHooks]>([
    ["the data that it received", { onPublish: (_room, _member, { data }) => spoil(data) }],
    [
      "data that it has set",
      {
        onPublish: (room) => {
          const value = { a: 1 };
          room.set({ value });
          spoil(value);
        },
      },
    ],
    [
      "data that it has published",
      {
        onPublish: (room) => {
          const value = { a: 1 };
          room.publish("e", value);
          spoil(value);
        },
      },
    ],
  ])("[K3 G6] a hook that makes %s cyclic does not end the room", async (_what, hooks) => {
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    const before = await kindsRoom(room).info();
    setHooks(hooks);

    await ana.publish("e", { a: 1 });
    setHooks({ onPublish: () => undefined });
    await ana.publish("still", "here");

    await bob.inbox.until(({ messages }) => messages.at(-1)?.event === "still");
    expect(await kindsRoom(room).info()).toMatchObject({ awakeSince: before.awakeSince });
  });
});

describe("values that a hook may not publish or set", () => {
  it.each<[string, (room: RoomHandle) => void]>([
    ["a BigInt", (room) => room.publish("e", 1n as never)],
    ["a cycle", (room) => room.publish("e", cycle() as never)],
    ["an event that is a number", (room) => room.send(7 as never, 1)],
    ["a value that is a BigInt", (room) => room.set({ a: 1n as never })],
    ["a value that is a cycle", (room) => room.set({ a: cycle() as never })],
    ["a value that is undefined", (room) => room.set({ a: undefined as never })],
    ["a number instead of a list of keys", (room) => room.set({ a: 1 }, 7 as never)],
    ["a key that is a number", (room) => room.set({ a: 1 }, [7 as never])],
    ["a number instead of a list of recipients", (room) => room.publish("e", 1, { to: 7 as never })],
  ])("[K3 G6] a hook call with %s throws, and the act is rejected with internal", async (_what, work) => {
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const before = await kindsRoom(room).info();
    setHooks({ onPublish: (handle) => work(handle) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });

    await expectToGoOn(room, before);
  });

  it("[K1 E1] a refusal's reason that is not a string is sent as a string", async () => {
    const ana = await join(uniqueRoom("ruled"), { to });
    setHooks({ onPublish: () => refuse(7 as never) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "refused", message: "7" });
  });
});
