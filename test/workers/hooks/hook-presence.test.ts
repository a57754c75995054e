import { describe, expect, it } from "vitest";
import { refuse, type HookMember, type RoomHandle } from "../../../src/config/hooks.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { kindsRoom, serveKinds as to } from "../support/kinds.ts";
import { crash, request, roomPath, uniqueRoom } from "../support/rooms.ts";
import { setHooks } from "../support/test-hooks.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { join, joinWebSocket, rejoin } from "../support/websocket.ts";

/** Refuses a name that another member uses. */
function unique(room: RoomHandle, _member: HookMember, name: Json): ReturnType<typeof refuse> | undefined {
  return room.members().some(({ data }) => data === name) ? refuse("that name is taken") : undefined;
}

const TAKEN = { type: "error", code: "refused", message: "that name is taken" };

/** The presence data of everyone in a room. */
async function namesIn(room: string): Promise<string[]> {
  const answer = await (await request(roomPath(room, "/members"), {}, to)).json();
  const { members } = answer as { members: { data?: string }[] };
  return members.map(({ data = "nameless" }) => data).toSorted((a, b) => a.localeCompare(b));
}

describe("onPresence", () => {
  it("[K1 A5] onPresence refuses a presence act with a message, and other members are not notified", async () => {
    setHooks({ onPresence: unique });
    const room = uniqueRoom("ruled");
    const [ana, bob] = [await join(room, { to, presence: "ana" }), await join(room, { to, presence: "bob" })];

    expect(await bob.setPresence("ana")).toMatchObject(TAKEN);
    expect(await bob.setPresence("rob")).toMatchObject({ type: "ack" });
    expect(await bob.setPresence("rob")).toMatchObject({ type: "ack" }); // its own name
    expect(await bob.setPresence("bob")).toMatchObject({ type: "ack" });

    const updates = ana.inbox.all.flatMap((frame) =>
      frame.type === "presence" ? (frame.updated ?? []) : [],
    );
    expect(updates.map(({ data }) => data)).toEqual(["rob", "rob", "bob"]);
    expect(await namesIn(room)).toEqual(["ana", "bob"]);
  });

  it("[K1 H1 G5] onPresence refuses a presence act by POST as well", async () => {
    setHooks({ onPresence: unique });
    const room = uniqueRoom("ruled");
    await join(room, { to, presence: "ana" });
    const bob = await joinSse(room, { to, presence: "bob" });

    const refused = await post(room, bob, { type: "presence", data: "ana" }, {}, to);

    expect(refused).toMatchObject({ status: 403, body: TAKEN });
    expect(await namesIn(room)).toEqual(["ana", "bob"]);
  });

  it("[K1 J7 J8] onPresence refuses a new client for the presence data of its join, over either transport", async () => {
    setHooks({ onPresence: unique });
    const room = uniqueRoom("ruled");
    await join(room, { to, presence: "ana" });

    const twin = await joinWebSocket(room, { to, presence: "ana" });
    const reader = await openEvents(room, { to, presence: "ana" });

    expect(await twin.inbox.take("error")).toMatchObject(TAKEN);
    expect(await twin.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("close")).toMatchObject({ code: 4503 });
    expect(await namesIn(room)).toEqual(["ana"]);
  });

  it.each<[string, string, (room: string) => Promise<unknown>]>([
    ["awake", "ruled", async () => undefined],
    ["after a sleep", "ruled", (room) => kindsRoom(room).evict()],
    ["after a sleep, where members have no rows", "ruled-none", (room) => kindsRoom(room).evict()],
    ["after a crash", "ruled-grace", () => crash()],
  ])(
    "[K1 M4 G10] a reconnect with refused presence data takes place without it, and receives the refusal: %s",
    async (_when, kind, pass) => {
      setHooks({ onPresence: unique });
      const room = uniqueRoom(kind);
      const ana = await join(room, { to, presence: "ana" });
      const bob = await join(room, { to, presence: "bob" });
      await pass(room);

      await rejoin(room, ana, { to, presence: "ana" });
      const back = await rejoin(room, bob, { to, presence: "ana" });

      expect(await back.inbox.take("error")).toMatchObject(TAKEN);
      expect(back.member).toBe(bob.member);
      expect(back.inbox.all.map(({ type }) => type)).toEqual(["welcome", "error"]);
      expect(await back.publish("e", 1)).toMatchObject({ type: "ack" });
      expect(await namesIn(room)).toEqual(["ana", "bob"]);
    },
  );

  it("[K1 J5] onPresence is not called for a reconnect without presence data, or with the data that the member has", async () => {
    const asked: unknown[] = [];
    setHooks({ onPresence: (_room, { data: before }, data) => void asked.push([before, data]) });
    const room = uniqueRoom("ruled-grace");

    const ana = await join(room, { to, presence: { name: "ana" } });
    await rejoin(room, ana, { to });
    await rejoin(room, ana, { to, presence: { name: "ana" } });
    await rejoin(room, ana, { to, presence: "anna" });
    await rejoin(room, ana, { to, query: { view: "1" }, presence: "viewing" });
    await join(room, { to });

    expect(asked).toEqual([
      [null, { name: "ana" }],
      [{ name: "ana" }, "anna"],
    ]);
  });

  it("[K1 M1] onPresence changes the data of an act, a join and a reconnect before onJoin sees it", async () => {
    const joined: unknown[] = [];
    setHooks({
      onPresence: (_room, _member, data) => ({ data: (data as string).trim() }),
      onJoin: (_room, { data }) => void joined.push(data),
    });
    const room = uniqueRoom("ruled-grace");
    const watch = await join(room, { to });

    const ana = await join(room, { to, presence: " ana " });
    await ana.setPresence(" anna ");
    await rejoin(room, ana, { to, presence: " anna " });
    await rejoin(room, ana, { to, presence: " hanna " });

    const observed = watch.inbox.all.flatMap((frame) =>
      frame.type === "presence" ? [...(frame.joined ?? []), ...(frame.updated ?? [])] : [],
    );
    expect(observed.map(({ data }) => data)).toEqual(["ana", "anna", "hanna"]);
    expect(joined).toEqual([null, "ana", "anna", "hanna"]);
  });

  it("[K2 F4 T5] changes that onPresence and onJoin make take effect with the join, and are counted together", async () => {
    let chars = 600; // twice that is more than the state holds
    const set = (room: RoomHandle, key: string): void => room.set({ [key]: "x".repeat(chars) });
    setHooks({ onPresence: (room) => set(room, "first"), onJoin: (room) => set(room, "second") });
    const room = uniqueRoom("ruled-small");

    const full = await joinWebSocket(room, { to, presence: "ana" });
    expect(await full.inbox.take("error")).toMatchObject({ code: "internal" });
    chars = 400;
    await join(room, { to, presence: "ana" });

    const answer = await (await request(roomPath(room, "/state"), {}, to)).json();
    const { state } = answer as { state: Record<string, [string, number]> };
    expect(Object.entries(state).map(([key, [value]]) => [key, value.length])).toEqual([
      ["first", 400],
      ["second", 400],
    ]);
  });

  it("[K3 A5 G6] an onPresence that fails rejects the act with internal, and nothing of it takes effect", async () => {
    const room = uniqueRoom("ruled");
    const ana = await join(room, { to, presence: "ana" });
    for (const hook of [
      (handle: RoomHandle) => {
        handle.publish("half", 1);
        throw new Error("a bug");
      },
      () => false as never,
      (async () => undefined) as unknown as () => undefined,
      () => ({ data: "x".repeat(1_025) }), // more than maxPresenceBytes
      () => ({ data: 1n as never }),
    ]) {
      setHooks({ onPresence: hook });
      expect(await ana.setPresence("anna")).toMatchObject({ code: "internal" });
    }

    setHooks({ onPresence: () => ({}) });
    expect(await namesIn(room)).toEqual(["ana"]);
    expect(await ana.publish("e", 1)).toMatchObject({ offset: 1 });
    expect(await ana.setPresence("anna")).toMatchObject({ type: "ack" });
    expect(await namesIn(room)).toEqual(["anna"]);
  });

  it("[K3 J8 M4] an onPresence that fails rejects a new client, and a reconnecting member keeps its data", async () => {
    const room = uniqueRoom("ruled-grace");
    const ana = await join(room, { to, presence: "ana" });
    setHooks({
      onPresence: (handle) => {
        handle.set({ half: 1 });
        throw new Error("a bug");
      },
    });

    const bob = await joinWebSocket(room, { to, presence: "bob" });
    const back = await rejoin(room, ana, { to, presence: "anna" });

    expect(await bob.inbox.take("error")).toMatchObject({ code: "internal" });
    expect(await bob.closed).toMatchObject({ code: 4000 });
    expect(await back.inbox.take("error")).toMatchObject({ code: "internal" });
    expect(await namesIn(room)).toEqual(["ana"]);
    expect(await (await request(roomPath(room, "/state"), {}, to)).json()).toMatchObject({ state: {} });
  });
});
