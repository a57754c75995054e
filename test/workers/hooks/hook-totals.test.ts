import { describe, expect, it } from "vitest";
import { refuse, type RoomHandle } from "../../../src/config/hooks.ts";
import { serveKinds as to } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { stateOf } from "../support/state.ts";
import { TEST_KINDS } from "../support/test-kinds.ts";
import { join } from "../support/websocket.ts";

const { maxStateBytes, maxStateKeys, maxFrameBytes, maxMembers } = TEST_KINDS["ruled-small"];

/** A value that takes this many bytes of the state under a key of one character. */
function valueOf(bytes: number): string {
  return "x".repeat(bytes - 3); // the key and two quotes
}

const HALF = valueOf(maxStateBytes / 2);

/** Tries each call in turn. Returns which of them threw a RangeError. */
function trying(room: RoomHandle, works: readonly ((room: RoomHandle) => void)[]): boolean[] {
  return works.map((work) => {
    try {
      work(room);
      return false;
    } catch (error) {
      return error instanceof RangeError;
    }
  });
}

/** The keys of the shared state, with the size of each key and value together. */
async function sizesIn(room: string): Promise<Record<string, number>> {
  const { shared } = await stateOf(room, to);
  return Object.fromEntries(
    [...shared].map(([key, [value]]) => [key, key.length + JSON.stringify(value).length]),
  );
}

describe("state changes that a hook makes in one call", () => {
  it("[T5 K3] changes of a hook that each fit are rejected if they do not fit together", async () => {
    let threw: boolean[] = [];
    setHooks({
      onPublish: (room) => {
        threw = trying(room, [
          (handle) => handle.set({ a: HALF }),
          (handle) => handle.set({ b: HALF }),
          (handle) => handle.set({ c: 1 }),
        ]);
      },
    });
    const room = uniqueRoom("ruled-small");
    const ana = await join(room, { to });

    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });

    expect(threw).toEqual([false, false, true]);
    expect(await sizesIn(room)).toEqual({ a: maxStateBytes / 2, b: maxStateBytes / 2 });
  });

  it("[T5 K3] the keys that a hook sets in one call are counted together", async () => {
    const names = Array.from({ length: maxStateKeys + 1 }, (_, index) => `${index}`);
    let threw: boolean[] = [];
    setHooks({
      onPublish: (room) =>
        void (threw = trying(
          room,
          names.map((name) => (handle) => handle.set({ [name]: 1 })),
        )),
    });
    const room = uniqueRoom("ruled-small");
    await (await join(room, { to })).publish("e", 1);

    expect(threw).toEqual(names.map((_name, index) => index === maxStateKeys));
    expect(Object.keys(await sizesIn(room))).toHaveLength(maxStateKeys);
  });

  it("[T5 K2] a key that a hook sets again counts once, and one that it deletes makes room", async () => {
    let threw: boolean[] = [];
    setHooks({
      onPublish: (room) => {
        threw = trying(room, [
          (handle) => handle.set({ a: HALF }),
          (handle) => handle.set({ a: HALF }),
          (handle) => handle.set({ b: HALF }),
          (handle) => handle.set({}, ["a"]),
          (handle) => handle.set({ c: HALF }),
          (handle) => handle.set({ d: 1 }, ["d"]),
          (handle) => handle.set({}, ["b", "b"]),
        ]);
      },
    });
    const room = uniqueRoom("ruled-small");
    await (await join(room, { to })).publish("e", 1);

    expect(threw).toEqual([false, false, false, false, false, true, true]);
    expect(Object.keys(await sizesIn(room))).toEqual(["b", "c"]);
  });

  it("[T5 K3 T1] the changes of a hook are counted together with the member's own change, which is applied first", async () => {
    setHooks({ onSet: (room) => room.set({ b: HALF, c: 1 }) });
    const room = uniqueRoom("ruled-small");
    const ana = await join(room, { to });

    expect(await ana.act({ type: "set", set: { a: HALF } })).toMatchObject({ code: "internal" });
    setHooks({ onSet: (handle) => handle.set({ b: HALF }) });
    expect(await ana.act({ type: "set", set: { a: HALF } })).toMatchObject({ type: "ack" });

    expect(await sizesIn(room)).toEqual({ a: maxStateBytes / 2, b: maxStateBytes / 2 });
  });

  it("[T5 F1] the changes of hooks are counted together across the items of one frame", async () => {
    let calls = 0;
    setHooks({ onPublish: (room) => room.set({ [String.fromCharCode(97 + calls++)]: HALF }) });
    const room = uniqueRoom("ruled-small");
    const ana = await join(room, { to });

    ana.send([1, 2, 3].map((ref) => ({ type: "publish", ref, event: "e" })));
    await ana.inbox.until(
      ({ all }) => all.filter(({ type }) => type === "ack" || type === "error").length === 3,
    );

    expect(ana.inbox.all.filter(({ type }) => type === "error")).toMatchObject([
      { ref: 3, code: "internal" },
    ]);
    expect(await sizesIn(room)).toEqual({ a: maxStateBytes / 2, b: maxStateBytes / 2 });
  });

  it("[T5 F1] several changes of a member in one frame are counted together", async () => {
    const room = uniqueRoom("ruled-small");
    const ana = await join(room, { to });

    ana.send(["a", "b", "c"].map((key, index) => ({ type: "set", ref: index + 1, set: { [key]: HALF } })));
    await ana.inbox.until(
      ({ all }) => all.filter(({ type }) => type === "ack" || type === "error").length === 3,
    );

    expect(ana.inbox.all.filter(({ type }) => type === "error")).toMatchObject([
      { ref: 3, code: "state_full" },
    ]);
    expect(await sizesIn(room)).toEqual({ a: maxStateBytes / 2, b: maxStateBytes / 2 });
  });

  it("[T5 K1] a change of a hook is not counted if the hook then refuses the act", async () => {
    setHooks({
      onPublish: (room, _member, { data }) => {
        room.set({ a: HALF, b: HALF });
        return data === "no" ? refuse("no") : undefined;
      },
    });
    const room = uniqueRoom("ruled-small");
    const ana = await join(room, { to });

    expect(await ana.publish("e", "no")).toMatchObject({ code: "refused" });
    expect(await ana.publish("e", "yes")).toMatchObject({ type: "ack" });

    expect(await sizesIn(room)).toEqual({ a: maxStateBytes / 2, b: maxStateBytes / 2 });
  });

  it("[T5 M2] the changes of hooks are counted together when several members leave in one turn", async () => {
    const room = uniqueRoom("ruled-small");
    const [ana, bob] = [await join(room, { to }), await join(room, { to })];
    await join(room, { to });
    let name = "a";
    const failures: unknown[] = [];
    setHooks({
      onLeave: (handle) => {
        failures.push(...trying(handle, [(each) => each.set({ [name]: HALF, [`${name}${name}`]: 1 })]));
        name = "b";
      },
    });

    ana.send({ type: "leave" });
    bob.send({ type: "leave" });
    await Promise.all([ana.closed, bob.closed]);

    expect(failures).toEqual([false, true]);
    expect(Object.keys(await sizesIn(room))).toEqual(["a", "aa"]);
  });
});

describe("one large call of a hook", () => {
  it.each<[string, (room: RoomHandle) => void]>([
    ["a change larger than maxFrameBytes", (room) => room.set({ a: "x".repeat(maxFrameBytes) })],
    ["a message larger than maxFrameBytes", (room) => room.publish("e", "x".repeat(maxFrameBytes))],
    ["bytes larger than maxFrameBytes", (room) => room.send("e", new Uint8Array(maxFrameBytes + 1))],
    [
      "a message to more than maxMembers recipients",
      (room) => room.publish("e", 1, { to: Array(maxMembers + 1).fill("x") }),
    ],
  ])("[K3 F3] %s throws inside the hook", async (_what, work) => {
    let threw: boolean[] = [];
    setHooks({ onPublish: (room) => void (threw = trying(room, [work])) });
    const room = uniqueRoom("ruled-small");
    await (await join(room, { to })).publish("e", 1);

    expect(threw).toEqual([true]);
  });

  it("[K2 G1 G4] many large messages of a hook are stored in as many rows as they need, and replayed to a client that resumes", async () => {
    const large = "x".repeat(60_000);
    setHooks({
      onPublish: (room) => {
        for (let n = 0; n < 40; n++) room.publish("large", [n, large]);
      },
    });
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to });
    const { position } = ana;

    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
    const back = await join(room, { to, after: position });
    await back.inbox.until(({ messages }) => messages.length === 41);

    expect(back.inbox.messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 41 }, (_, n) => n + 1),
    );
  });
});
