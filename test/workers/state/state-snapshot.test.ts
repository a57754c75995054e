import { describe, expect, it } from "vitest";
import type { JoinOptions } from "../../support/member.ts";
import { crash, evict, request, roomPath, tablesOf, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { StateFold, stateOf } from "../support/state.ts";
import { join, type WebSocketMember } from "../support/websocket.ts";

/** A room with two keys of state at offset 3, and the position of a client before the last change. */
async function shared(): Promise<{ room: string; ana: WebSocketMember; before: string }> {
  const room = uniqueRoom();
  const ana = await join(room);
  await ana.act({ type: "set", set: { a: 1, b: 1 } });
  await ana.publish("e", 1);
  const before = ana.position;
  await ana.act({ type: "set", set: { a: 2 } });
  return { room, ana, before };
}

const STATE = { a: [2, 3], b: [1, 1] };

describe("the welcome", () => {
  it.each([
    ["WebSocket", join],
    ["SSE", joinSse],
  ])("[T4] the welcome over %s has the state and the offset to which it applies", async (_what, joinBy) => {
    const { room } = await shared();

    expect(await (await joinBy(room)).welcome()).toMatchObject({ state: STATE, stateOffset: 3 });
  });

  it("[T4] the welcome of a room without state has an empty state", async () => {
    expect(await (await join(uniqueRoom())).welcome()).toMatchObject({ state: {}, stateOffset: 0 });
  });

  it("[T4] the welcome of a recovered client has no state, because the replay contains it", async () => {
    const { room, before } = await shared();

    const back = await join(room, { after: before });
    await back.inbox.take("position");

    const welcome = await back.welcome();
    expect(welcome).toMatchObject({ recovered: true });
    expect(welcome).not.toHaveProperty("state");
    expect(welcome).not.toHaveProperty("stateOffset");
    expect(back.inbox.all.filter(({ type }) => type === "state")).toMatchObject([
      { offset: 3, set: { a: 2 } },
    ]);
  });

  it("[T4 J7] a recovered client that asks for the state gets it as of the head, and the replay too", async () => {
    const { room, before } = await shared();

    const back = await join(room, { after: before, query: { state: "1" } });
    await back.inbox.take("position");

    expect(await back.welcome()).toMatchObject({ recovered: true, state: STATE, stateOffset: 3 });
    expect(back.inbox.all.filter(({ type }) => type === "state")).toMatchObject([{ offset: 3 }]);
    expect(new StateFold().read(back.inbox.all).shared).toEqual((await stateOf(room)).shared);
  });

  it.each<[string, (position: string) => JoinOptions]>([
    ["was not recovered", () => ({ after: "nope:1" })],
    ["rewinds", () => ({ query: { rewind: "2" } })],
    ["is ahead of the log", (position) => ({ after: position.replace(/3$/, "4") })],
  ])("[T4 W3] the welcome of a client that %s has the state", async (_what, optionsAt) => {
    const { room, ana } = await shared();

    const back = await join(room, optionsAt(ana.position));

    expect(await back.welcome()).toMatchObject({ state: STATE, stateOffset: 3 });
  });

  it("[T4 G4] state frames of a rewind that the snapshot already contains change nothing", async () => {
    const { room, ana } = await shared();
    await ana.act({ type: "set", delete: ["b"] });

    const back = await join(room, { query: { rewind: "100" } });
    await back.inbox.take("position");

    expect(back.inbox.all.filter(({ type }) => type === "state")).toHaveLength(3);
    expect(new StateFold().read(back.inbox.all).shared).toEqual(new Map([["a", [2, 3]]]));
  });

  it("[T4 G6] the state in the welcome is the same after a sleep and after a crash", async () => {
    const { room } = await shared();

    await evict(room);
    const asleep = await (await join(room)).welcome();
    await crash();
    const crashed = await (await join(room)).welcome();

    for (const welcome of [asleep, crashed]) expect(welcome).toMatchObject({ state: STATE, stateOffset: 3 });
  });
});

describe("over HTTP", () => {
  it("[H7] the state over HTTP has the offset to which it applies, and the end of the log", async () => {
    const { room, ana } = await shared();
    await ana.publish("e", 2);

    const response = await request(roomPath(room, "/state"));

    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(await response.json()).toEqual({ state: STATE, stateOffset: 4, position: ana.position });
  });

  it("[H7 N3] the state of a room that nobody has joined is empty, and reading it creates nothing", async () => {
    const room = uniqueRoom();

    expect(await (await request(roomPath(room, "/state"))).json()).toEqual({
      state: {},
      stateOffset: 0,
      position: null,
    });
    expect(await tablesOf(room)).toEqual([]);
  });

  it.each([
    ["bad_room", 400, "a%20b"],
    ["unknown_kind", 404, "nope:x"],
  ])("[H7 N1 N2] the state of a room with an invalid name is %s", async (code, status, room) => {
    const response = await request(`/rooms/${room}/state`);

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
  });
});
