import { describe, expect, it } from "vitest";
import { at, stateFrame, welcomeFrame } from "../support/fake-transport.ts";
import { joined, reconnect } from "../support/test-client.ts";

const MEMBERS = [{ id: "me" }, { id: "ana", data: 1 }, { id: "bo", data: 2 }];

describe("snapshots", () => {
  it("[M1] a snapshot of the members is the same map until a member changes, and keeps the members that have not changed", async () => {
    const { room, transport } = await joined({}, { members: MEMBERS, count: 3 });
    const before = room.members.snapshot;
    transport.deliver({ type: "presence", roster: "r1", count: 3 });
    expect(room.members.snapshot).toBe(before);

    transport.deliver({ type: "presence", updated: [{ id: "bo", data: 3 }], roster: "r2", count: 3 });
    const after = room.members.snapshot;

    expect(after).not.toBe(before);
    expect(after.get("ana")).toBe(before.get("ana"));
    expect(before.get("bo")).toEqual({ id: "bo", data: 2 });
    expect(after.get("bo")).toEqual({ id: "bo", data: 3 });
    expect(room.members.snapshot).toBe(after);
  });

  it("[M3 W4] a snapshot of the members is empty in the mode count, and an earlier snapshot keeps its members", async () => {
    const { room, transport } = await joined({}, { members: MEMBERS, count: 3 });
    const listed = room.members.snapshot;

    transport.deliver({ type: "presence", mode: "count", roster: "r1", count: 300 });

    expect(listed.size).toBe(3);
    expect(room.members.snapshot.size).toBe(0);
  });

  it("[T1 T4] a snapshot of the shared state keeps the values that have not changed, also after a join with the whole state", async () => {
    const client = await joined({}, { state: { topic: ["lunch", 3], votes: [2, 7] }, stateOffset: 9 });
    const { shared } = client.room;
    const before = shared.snapshot;

    await reconnect(client, { state: { topic: ["lunch", 3], votes: [2, 7] }, stateOffset: 9 });
    expect(shared.snapshot).toBe(before);
    client.transport.deliver(stateFrame(10, { set: { votes: 3 } }));
    const changed = shared.snapshot;
    await reconnect(client, { state: { topic: ["lunch", 3], votes: [4, 12] }, stateOffset: 12 });

    expect(before.get("votes")).toEqual({ value: 2, version: 7 });
    expect(changed.get("votes")).toEqual({ value: 3, version: 10 });
    expect(shared.snapshot.get("votes")).toEqual({ value: 4, version: 12 });
    expect(shared.snapshot.get("topic")).toBe(before.get("topic"));
  });

  it("[T6 P6] a snapshot of the shared state is empty once the room has another log", async () => {
    const { room, transport } = await joined({}, { state: { votes: [2, 7] }, stateOffset: 9 });
    const before = room.shared.snapshot;

    transport.deliver({ type: "position", position: "Another:0", reason: "epoch" });

    expect(before.size).toBe(1);
    expect(room.shared.snapshot.size).toBe(0);
  });
});

describe("subscriptions", () => {
  it("[M1 T1] subscribers of the members and of the shared state are called after each change, until they unsubscribe", async () => {
    const { room, transport } = await joined({}, { members: MEMBERS, count: 3, position: at(0) });
    const seen: unknown[] = [];
    const stops = [
      room.members.subscribe(() => seen.push(["members", room.members.snapshot.size])),
      room.shared.subscribe(() => seen.push(["shared", room.shared.snapshot.get("votes")?.value])),
    ];

    transport.deliver({ type: "presence", left: [{ id: "bo", reason: "left" }], roster: "r1", count: 2 });
    transport.deliver(stateFrame(1, { set: { votes: 1 } }));
    for (const stop of stops) stop();
    transport.deliver(stateFrame(2, { set: { votes: 2 } }));

    expect(seen).toEqual([
      ["members", 2],
      ["shared", 1],
    ]);
  });

  it("[W4] a view can be read like a Map", async () => {
    const { room } = await joined({}, { members: MEMBERS, count: 3 });
    const called: unknown[] = [];
    room.members.forEach((member, id, map) => called.push([id, member.data, map === room.members]));

    expect(called).toEqual([
      ["me", undefined, true],
      ["ana", 1, true],
      ["bo", 2, true],
    ]);
    expect([...room.members.entries()]).toEqual([...room.members]);
    expect([...room.members.values()]).toEqual(welcomeFrame({ members: MEMBERS }).members);
    expect([room.members.has("ana"), room.members.has("cem"), room.members.size]).toEqual([true, false, 3]);
  });
});
