import { describe, expect, it } from "vitest";
import { at, messageFrame, stateFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

/** A room whose topic was set at offset 3 and whose votes at 7, as of 9. */
function visitVotes(): Promise<TestClient> {
  return joined(
    {},
    { state: { topic: ["lunch", 3], votes: [2, 7] }, stateOffset: 9, position: at(9), head: at(9) },
  );
}

function sharedOf(client: TestClient): unknown {
  return Object.fromEntries(
    Array.from(client.room.shared, ([key, { value, version }]) => [key, [value, version]]),
  );
}

describe("the shared state", () => {
  it("[T4] the shared state is known from the welcome on, with the versions", async () => {
    const client = await visitVotes();

    expect(client.room.shared.get("votes")).toEqual({ value: 2, version: 7 });
    expect(client.room.shared.get("nothing")).toBeUndefined();
    expect(client.emitted.shared).toEqual([{ keys: ["topic", "votes"] }]);
  });

  it("[T1 T2] the shared state follows every change, and its offset is the version of the keys that it set", async () => {
    const client = await visitVotes();
    const seen: unknown[] = [];
    client.room.on("shared", () => seen.push([client.room.position, sharedOf(client)]));

    client.transport.deliver(
      messageFrame(10),
      stateFrame(11, { set: { votes: 3, colour: null } }),
      stateFrame(12, { delete: ["topic"] }, "me"),
    );

    expect(seen).toEqual([
      [at(11), { topic: ["lunch", 3], votes: [3, 11], colour: [null, 11] }],
      [at(12), { votes: [3, 11], colour: [null, 11] }],
    ]);
    expect(client.emitted.shared.slice(1)).toEqual([
      { keys: ["votes", "colour"], offset: 11, time: 1, from: "ana" },
      { keys: ["topic"], offset: 12, time: 1, from: "me" },
    ]);
    expect(client.room.position).toBe(at(12));
  });

  it("[T1] a key of the shared state may have any name", async () => {
    const client = await joined({}, JSON.parse('{"state":{"__proto__":[1,1]},"stateOffset":1}') as never);

    client.transport.deliver(
      JSON.parse('{"type":"state","offset":2,"set":{"constructor":2},"delete":["__proto__"]}'),
    );

    expect(client.emitted.shared.map(({ keys }) => keys)).toEqual([
      ["__proto__"],
      ["constructor", "__proto__"],
    ]);
    expect([...client.room.shared.keys()]).toEqual(["constructor"]);
  });

  it("[T4] a change is applied only if it is newer than the known state", async () => {
    const client = await visitVotes();

    client.transport.deliver(
      stateFrame(9, { set: { votes: "old" } }),
      stateFrame(10, { set: { votes: 3 } }),
      stateFrame(10, { set: { votes: "twice" } }),
    );

    expect(client.room.shared.get("votes")).toEqual({ value: 3, version: 10 });
    expect(client.emitted.shared).toHaveLength(2);
  });

  it("[T4 G4] after a resume the known state is kept, and the replay brings the changes", async () => {
    const client = await visitVotes();

    await reconnect(client, { position: at(9), head: at(11) });
    expect(client.transport.target).toMatchObject({ after: at(9), state: false });
    expect(client.emitted.shared).toHaveLength(1);
    client.transport.deliver(stateFrame(10, { set: { votes: 3 } }), stateFrame(11, { delete: ["topic"] }));

    expect(sharedOf(client)).toEqual({ votes: [3, 10] });
  });

  it("[T4 G4] after a join that did not resume, the difference in the state is emitted", async () => {
    const client = await visitVotes();

    await reconnect(client, {
      recovered: false,
      reason: "trimmed",
      position: at(90),
      state: { votes: [2, 7], colour: ["red", 80] },
      stateOffset: 90,
    });

    expect(sharedOf(client)).toEqual({ votes: [2, 7], colour: ["red", 80] });
    expect(client.emitted.shared.slice(1)).toEqual([{ keys: ["topic", "colour"] }]);
  });

  it("[T4 P5] in another log the same version may belong to another value", async () => {
    const client = await visitVotes();
    const anew = { recovered: false, reason: "epoch", position: "other:9", stateOffset: 9 } as const;

    await reconnect(client, { ...anew, state: { topic: ["dinner", 3], votes: [2, 7] } });
    expect(client.emitted.shared.slice(1)).toEqual([{ keys: ["topic"] }]);

    await reconnect(client, { ...anew, state: { topic: ["dinner", 3], votes: [2, 7] } });
    expect(client.emitted.shared).toHaveLength(2);
  });

  it("[T4 J7] a client with a position and without the state requests the state", async () => {
    const client = new TestClient({ position: at(4) });
    await settled();
    expect(client.transport.target).toMatchObject({ after: at(4), state: true });

    client.transport.welcome({
      recovered: true,
      position: at(4),
      head: at(6),
      state: { votes: [2, 6] },
      stateOffset: 6,
    });
    client.transport.deliver(stateFrame(5, { set: { votes: 1 } }), stateFrame(6, { set: { votes: 2 } }));
    expect(sharedOf(client)).toEqual({ votes: [2, 6] });
    expect(client.emitted.shared).toEqual([{ keys: ["votes"] }]);
    expect(client.room.position).toBe(at(6));

    await reconnect(client, { position: at(6) });
    expect(client.transport.target.state).toBe(false);
  });

  it("[T6 P6] the shared state is empty when the log starts anew, and later changes apply", async () => {
    const client = await visitVotes();

    client.transport.deliver(
      { type: "position", position: "other:0", reason: "epoch" },
      stateFrame(1, { set: { votes: 0 } }),
    );

    expect(client.emitted.shared.slice(1)).toEqual([
      { keys: ["topic", "votes"] },
      { keys: ["votes"], offset: 1, time: 1, from: "ana" },
    ]);
    expect(sharedOf(client)).toEqual({ votes: [0, 1] });
    expect(client.room.position).toBe("other:1");
  });

  it("[T6 S1] the shared state is empty when an event's id is the first sign of a new log", async () => {
    const client = await joined(
      { transports: ["sse"] },
      { state: { votes: [2, 7] }, stateOffset: 9, position: at(9) },
    );

    client.transport.deliverEvent("other:0", messageFrame(undefined));
    client.transport.deliverEvent(
      "other:1",
      { type: "position", position: "other:0", reason: "epoch" },
      stateFrame(1, { set: { votes: 0 } }),
    );

    expect(client.emitted.shared.map(({ keys }) => keys)).toEqual([["votes"], ["votes"], ["votes"]]);
    expect(sharedOf(client)).toEqual({ votes: [0, 1] });
  });
});

describe("set", () => {
  it("[T1 A2] a set resolves with its offset at the ack, and changes nothing before", async () => {
    const client = await visitVotes();

    const set = client.room.shared.set({ topic: "tea", votes: undefined });
    await settled();
    const [ref = 0] = client.transport.refs;
    expect(client.room.shared.get("topic")?.value).toBe("lunch");
    client.transport.deliver(stateFrame(10, { set: { topic: "tea", votes: null } }, "me"), {
      type: "ack",
      ref,
      offset: 10,
    });

    expect(client.transport.items).toEqual([
      { type: "set", ref, set: { topic: "tea", votes: null }, if: {} },
    ]);
    expect(await set).toEqual({ offset: 10 });
    expect(client.room.shared.get("topic")).toEqual({ value: "tea", version: 10 });
  });

  it("[T2 T3] a set sends the required versions, and whether its keys are deleted with their member", async () => {
    const client = await visitVotes();
    const { shared } = client.room;

    void client.room.shared.set(
      { votes: 3 },
      {
        delete: ["topic"],
        if: { votes: shared.get("votes")?.version, colour: shared.get("colour")?.version, topic: 3 },
        own: true,
      },
    );
    await settled();

    expect(client.transport.items).toMatchObject([
      { set: { votes: 3 }, delete: ["topic"], if: { votes: 7, colour: 0, topic: 3 }, own: true },
    ]);
  });

  it("[T2] a set is rejected on a conflict with the current versions", async () => {
    const client = await visitVotes();
    const set = client.room.shared.set({ votes: 3 }, { if: { votes: 7 } });
    await settled();
    const [ref = 0] = client.transport.refs;

    client.transport.deliver({
      type: "error",
      ref,
      code: "conflict",
      message: "changed",
      versions: { votes: 12, topic: 0 },
    });

    await expect(set).rejects.toMatchObject({ code: "conflict", versions: { votes: 12, topic: 0 } });
    await reconnect(client);
    expect(client.transport.items).toEqual([]);
  });

  it.each(["not_owner", "state_full", "bad_frame"] as const)("[T3 T5 E1] rejects %s", async (code) => {
    const client = await visitVotes();
    const set = client.room.shared.set({ votes: 3 });
    await settled();

    client.transport.deliver({ type: "error", ref: client.transport.refs[0] ?? 0, code, message: "why" });

    await expect(set).rejects.toMatchObject({ code, versions: undefined });
  });

  it("[T2 A3 G3] a set is repeated unchanged, so that one that took effect before an outage is acknowledged", async () => {
    const client = await visitVotes();
    const set = client.room.shared.set({ votes: 3 }, { if: { votes: 7 } });
    await settled();
    const [first] = client.dialled;

    await reconnect(client, { position: at(9), head: at(11) });
    expect(client.transport.items).toEqual(first?.items);
    client.transport.deliver(
      stateFrame(10, { set: { votes: 3 } }, "me"),
      stateFrame(11, { set: { votes: 4 } }),
      {
        type: "ack",
        ref: client.transport.refs[0] ?? 0,
        offset: 10,
      },
    );

    expect(await set).toEqual({ offset: 10 });
    expect(sharedOf(client)).toMatchObject({ votes: [4, 11] });
  });

  it("[T1 P2] a set keeps its place among published messages", async () => {
    const client = await visitVotes();

    void client.room.publish("chat", 1);
    void client.room.shared.set({ votes: 3 });
    void client.room.publish("chat", 2);
    await settled();

    expect(client.transport.frames.map((items) => items.map(({ type }) => type))).toEqual([
      ["publish", "set", "publish"],
    ]);
  });

  it("[F2] a client itself rejects values with more than 61 levels, because the room's rejection would have no ref", async () => {
    const client = await visitVotes();

    await expect(client.room.shared.set({ deep: nested(62) })).rejects.toMatchObject({ code: "bad_frame" });
    await expect(client.room.shared.set({ big: 1n })).rejects.toMatchObject({ code: "bad_frame" });
    void client.room.shared.set({ deep: nested(61) });
    await settled();

    expect(client.transport.items).toMatchObject([{ set: { deep: nested(61) } }]);
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
