import { describe, expect, it } from "vitest";
import { refuse, type KindHooks, type RoomHandle } from "../../../src/config/hooks.ts";
import { kindsRoom, serveKinds } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { openEvents } from "../support/sse.ts";
import { stateOf } from "../support/state.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

const to = serveKinds;

/** Not every team compiles with types: a hook may return what its type forbids. */
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

/** What no hook may do; each is a rule that has failed. */
const FAILURES: readonly [what: string, hook: () => never][] = [
  ["returns false", returning(false)],
  ["returns true", returning(true)],
  ["returns 0", returning(0)],
  ["returns an empty string", returning("")],
  ["returns a text", returning("no")],
  ["returns a BigInt", returning(1n)],
  ["returns a symbol", returning(Symbol("no"))],
  ["returns a function", returning(() => undefined)],
  ["is asynchronous", (async () => undefined) as unknown as () => never],
  ["returns a refusal that cannot be written", returning({ refused: unwritable })],
  ["throws a text", throwing("no")],
  ["throws nothing", throwing(undefined)],
  ["throws what cannot be written", throwing(unwritable)],
];

/** Expects that the room goes on: the same object, and what was refused left nothing. */
async function expectToGoOn(room: string, before: { readonly awakeSince: number }): Promise<void> {
  setHooks({ onJoin: () => undefined, onPublish: () => undefined, onSet: () => undefined });
  expect(await kindsRoom(room).info()).toMatchObject({ awakeSince: before.awakeSince });
  const cem = await join(room, { to });
  expect(await cem.publish("still", "here")).toMatchObject({ type: "ack", offset: 1 });
  expect((await stateOf(room, to)).shared.size).toBe(0);
}

describe("a hook that fails", () => {
  it.each(FAILURES)(
    "[K3 G6] and %s refuses a publish internal, and the room goes on",
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
    "[K3 G6] and %s refuses a change of the state, and the room goes on",
    async (_what, hook) => {
      const room = uniqueRoom("ruled");
      const ana = await join(room, { to });
      const before = await kindsRoom(room).info();
      setHooks({ onSet: hook });

      expect(await ana.act({ type: "set", set: { a: 1 } })).toMatchObject({ code: "internal" });

      await expectToGoOn(room, before);
    },
  );

  it.each(FAILURES)("[K3 J8] and %s keeps a newcomer out, over either transport", async (_what, hook) => {
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
    expect(ana.inbox.all.filter(({ type }) => type === "presence")).toHaveLength(1); // of the one who came after
  });

  it.each(FAILURES)("[K3 G9] and %s keeps nobody from leaving", async (_what, hook) => {
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    const before = await kindsRoom(room).info();
    setHooks({ onLeave: hook });

    bob.send({ type: "leave" });

    expect(await ana.inbox.take("presence", ({ left }) => left !== undefined)).toMatchObject({ count: 1 });
    await expectToGoOn(room, before);
  });
});

describe("data that a hook makes of a message", () => {
  it.each([
    ["undefined", undefined, null],
    ["false", false, false],
    ["an empty string", "", ""],
  ])("[K1 A1] that is %s is told as JSON tells it", async (_what, data, told) => {
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    setHooks({ onPublish: returning({ data }) });

    await ana.publish("e", "mine");

    expect(await bob.inbox.take("message")).toMatchObject({ event: "e", data: told });
  });

  it("[K1 A1] is the sender's where it says nothing of it", async () => {
    const ana = await join(uniqueRoom("ruled"), { to });
    setHooks({ onPublish: returning({ event: "other" }) });

    await ana.publish("e", { mine: 1 });

    expect(ana.inbox.messages).toMatchObject([{ event: "other", data: { mine: 1 } }]);
  });

  it.each<[string, unknown]>([
    ["a BigInt", { data: 1n }],
    ["a function", { data: () => undefined }],
    ["a symbol", { data: Symbol("x") }],
    ["not a number", { data: Number.NaN }],
    ["a cycle", { data: cycle() }],
    ["not to be read", { data: { toJSON: throwing("no") } }],
    ["under an event that is no text", { event: 7, data: 1 }],
    ["under an event that is null", { event: {}, data: 1 }],
  ])("[K3 G6] that is %s refuses internal, and the room goes on", async (_what, answer) => {
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const before = await kindsRoom(room).info();
    setHooks({ onPublish: returning(answer) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });

    await expectToGoOn(room, before);
  });

  it.each([
    ["characters", "x".repeat(70_000)],
    ["bytes", "é".repeat(40_000)],
  ])(
    "[K3 F3] a hook's data that is larger in %s than a frame may be is rejected with that reason",
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
    "[K3 A1] a hook's data that JSON would change silently, such as %s, is a failure",
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

describe("a hook that changes what it was given, or gave", () => {
  /** Breaks an object that was JSON when the hook got or gave it. */
  function spoil(data: unknown): void {
    (data as Record<string, unknown>)["itself"] = data;
  }

  it.each<[string, KindHooks]>([
    ["the data it was asked about", { onPublish: (_room, _member, { data }) => spoil(data) }],
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
  ])("[K3 G6] %s, ends no room", async (_what, hooks) => {
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

describe("what a hook may not have the room say", () => {
  it.each<[string, (room: RoomHandle) => void]>([
    ["a BigInt", (room) => room.publish("e", 1n as never)],
    ["a cycle", (room) => room.publish("e", cycle() as never)],
    ["an event that is no text", (room) => room.send(7 as never, 1)],
    ["a value that is a BigInt", (room) => room.set({ a: 1n as never })],
    ["a value that is a cycle", (room) => room.set({ a: cycle() as never })],
    ["a value that is undefined", (room) => room.set({ a: undefined as never })],
    ["keys that are no list", (room) => room.set({ a: 1 }, 7 as never)],
    ["a key that is no text", (room) => room.set({ a: 1 }, [7 as never])],
    ["addressees that are no list", (room) => room.publish("e", 1, { to: 7 as never })],
  ])("[K3 G6] %s: it throws, and the act is refused internal", async (_what, work) => {
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const before = await kindsRoom(room).info();
    setHooks({ onPublish: (handle) => work(handle) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "internal" });

    await expectToGoOn(room, before);
  });

  it("[K1 E1] a sentence of any form is told as text", async () => {
    const ana = await join(uniqueRoom("ruled"), { to });
    setHooks({ onPublish: () => refuse(7 as never) });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "refused", message: "7" });
  });
});
