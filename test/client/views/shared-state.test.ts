import { describe, expect, it } from "vitest";
import { at, messageFrame, stateFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

/** A room whose topic was set at offset 3 and whose votes at 7, as of 9. */
function visitVotes(): Promise<Visit> {
  return visit(
    {},
    { state: { topic: ["lunch", 3], votes: [2, 7] }, stateOffset: 9, position: at(9), head: at(9) },
  );
}

function sharedOf(made: Visit): unknown {
  return Object.fromEntries(
    Array.from(made.room.shared, ([key, { value, version }]) => [key, [value, version]]),
  );
}

describe("the shared state", () => {
  it("[T4] the shared state is known from the welcome on, with the versions", async () => {
    const made = await visitVotes();

    expect(made.room.shared.get("votes")).toEqual({ value: 2, version: 7 });
    expect(made.room.shared.get("nothing")).toBeUndefined();
    expect(made.told.shared).toEqual([{ keys: ["topic", "votes"] }]);
  });

  it("[T1 T2] the shared state follows every change, and its offset is the version of the keys that it set", async () => {
    const made = await visitVotes();
    const seen: unknown[] = [];
    made.room.on("shared", () => seen.push([made.room.position, sharedOf(made)]));

    made.line.deliver(
      messageFrame(10),
      stateFrame(11, { set: { votes: 3, colour: null } }),
      stateFrame(12, { delete: ["topic"] }, "me"),
    );

    expect(seen).toEqual([
      [at(11), { topic: ["lunch", 3], votes: [3, 11], colour: [null, 11] }],
      [at(12), { votes: [3, 11], colour: [null, 11] }],
    ]);
    expect(made.told.shared.slice(1)).toEqual([
      { keys: ["votes", "colour"], offset: 11, time: 1, from: "ana" },
      { keys: ["topic"], offset: 12, time: 1, from: "me" },
    ]);
    expect(made.room.position).toBe(at(12));
  });

  it("[T1] a key of the shared state may have any name", async () => {
    const made = await visit({}, JSON.parse('{"state":{"__proto__":[1,1]},"stateOffset":1}') as never);

    made.line.deliver(
      JSON.parse('{"type":"state","offset":2,"set":{"constructor":2},"delete":["__proto__"]}'),
    );

    expect(made.told.shared.map(({ keys }) => keys)).toEqual([["__proto__"], ["constructor", "__proto__"]]);
    expect([...made.room.shared.keys()]).toEqual(["constructor"]);
  });

  it("[T4] a change is applied only if it is newer than the known state", async () => {
    const made = await visitVotes();

    made.line.deliver(
      stateFrame(9, { set: { votes: "old" } }),
      stateFrame(10, { set: { votes: 3 } }),
      stateFrame(10, { set: { votes: "twice" } }),
    );

    expect(made.room.shared.get("votes")).toEqual({ value: 3, version: 10 });
    expect(made.told.shared).toHaveLength(2);
  });

  it("[T4 G4] after a resume the known state is kept, and the replay brings the changes", async () => {
    const made = await visitVotes();

    await comeBack(made, { position: at(9), head: at(11) });
    expect(made.line.target).toMatchObject({ after: at(9), state: false });
    expect(made.told.shared).toHaveLength(1);
    made.line.deliver(stateFrame(10, { set: { votes: 3 } }), stateFrame(11, { delete: ["topic"] }));

    expect(sharedOf(made)).toEqual({ votes: [3, 10] });
  });

  it("[T4 G4] after a join that did not resume, the difference in the state is emitted", async () => {
    const made = await visitVotes();

    await comeBack(made, {
      recovered: false,
      reason: "trimmed",
      position: at(90),
      state: { votes: [2, 7], colour: ["red", 80] },
      stateOffset: 90,
    });

    expect(sharedOf(made)).toEqual({ votes: [2, 7], colour: ["red", 80] });
    expect(made.told.shared.slice(1)).toEqual([{ keys: ["topic", "colour"] }]);
  });

  it("[T4 P5] in another log the same version may belong to another value", async () => {
    const made = await visitVotes();
    const anew = { recovered: false, reason: "epoch", position: "other:9", stateOffset: 9 } as const;

    await comeBack(made, { ...anew, state: { topic: ["dinner", 3], votes: [2, 7] } });
    expect(made.told.shared.slice(1)).toEqual([{ keys: ["topic"] }]);

    await comeBack(made, { ...anew, state: { topic: ["dinner", 3], votes: [2, 7] } });
    expect(made.told.shared).toHaveLength(2);
  });

  it("[T4 J7] a client with a position and without the state requests the state", async () => {
    const made = new Visit({ position: at(4) });
    await settled();
    expect(made.line.target).toMatchObject({ after: at(4), state: true });

    made.line.welcome({
      recovered: true,
      position: at(4),
      head: at(6),
      state: { votes: [2, 6] },
      stateOffset: 6,
    });
    made.line.deliver(stateFrame(5, { set: { votes: 1 } }), stateFrame(6, { set: { votes: 2 } }));
    expect(sharedOf(made)).toEqual({ votes: [2, 6] });
    expect(made.told.shared).toEqual([{ keys: ["votes"] }]);
    expect(made.room.position).toBe(at(6));

    await comeBack(made, { position: at(6) });
    expect(made.line.target.state).toBe(false);
  });

  it("[T6 P6] the shared state is empty when the log starts anew, and later changes apply", async () => {
    const made = await visitVotes();

    made.line.deliver(
      { type: "position", position: "other:0", reason: "epoch" },
      stateFrame(1, { set: { votes: 0 } }),
    );

    expect(made.told.shared.slice(1)).toEqual([
      { keys: ["topic", "votes"] },
      { keys: ["votes"], offset: 1, time: 1, from: "ana" },
    ]);
    expect(sharedOf(made)).toEqual({ votes: [0, 1] });
    expect(made.room.position).toBe("other:1");
  });

  it("[T6 S1] the shared state is empty when an event's id is the first sign of a new log", async () => {
    const made = await visit(
      { transports: ["sse"] },
      { state: { votes: [2, 7] }, stateOffset: 9, position: at(9) },
    );

    made.line.deliverEvent("other:0", messageFrame(undefined));
    made.line.deliverEvent(
      "other:1",
      { type: "position", position: "other:0", reason: "epoch" },
      stateFrame(1, { set: { votes: 0 } }),
    );

    expect(made.told.shared.map(({ keys }) => keys)).toEqual([["votes"], ["votes"], ["votes"]]);
    expect(sharedOf(made)).toEqual({ votes: [0, 1] });
  });
});

describe("set", () => {
  it("[T1 A2] a set resolves with its offset at the ack, and changes nothing before", async () => {
    const made = await visitVotes();

    const set = made.room.set({ topic: "tea", votes: undefined });
    await settled();
    const [ref = 0] = made.line.refs;
    expect(made.room.shared.get("topic")?.value).toBe("lunch");
    made.line.deliver(stateFrame(10, { set: { topic: "tea", votes: null } }, "me"), {
      type: "ack",
      ref,
      offset: 10,
    });

    expect(made.line.items).toEqual([{ type: "set", ref, set: { topic: "tea", votes: null }, if: {} }]);
    expect(await set).toEqual({ offset: 10 });
    expect(made.room.shared.get("topic")).toEqual({ value: "tea", version: 10 });
  });

  it("[T2 T3] a set sends the required versions, and whether its keys are deleted with their member", async () => {
    const made = await visitVotes();
    const { shared } = made.room;

    void made.room.set(
      { votes: 3 },
      {
        delete: ["topic"],
        if: { votes: shared.get("votes")?.version, colour: shared.get("colour")?.version, topic: 3 },
        own: true,
      },
    );
    await settled();

    expect(made.line.items).toMatchObject([
      { set: { votes: 3 }, delete: ["topic"], if: { votes: 7, colour: 0, topic: 3 }, own: true },
    ]);
  });

  it("[T2] a set is rejected on a conflict with the current versions", async () => {
    const made = await visitVotes();
    const set = made.room.set({ votes: 3 }, { if: { votes: 7 } });
    await settled();
    const [ref = 0] = made.line.refs;

    made.line.deliver({
      type: "error",
      ref,
      code: "conflict",
      message: "changed",
      versions: { votes: 12, topic: 0 },
    });

    await expect(set).rejects.toMatchObject({ code: "conflict", versions: { votes: 12, topic: 0 } });
    await comeBack(made);
    expect(made.line.items).toEqual([]);
  });

  it.each(["not_owner", "state_full", "bad_frame"] as const)(
    "[T3 T5 E1] a set is rejected with %s",
    async (code) => {
      const made = await visitVotes();
      const set = made.room.set({ votes: 3 });
      await settled();

      made.line.deliver({ type: "error", ref: made.line.refs[0] ?? 0, code, message: "why" });

      await expect(set).rejects.toMatchObject({ code, versions: undefined });
    },
  );

  it("[T2 A3 G3] a set is repeated unchanged, so that one that took effect before an outage is acknowledged", async () => {
    const made = await visitVotes();
    const set = made.room.set({ votes: 3 }, { if: { votes: 7 } });
    await settled();
    const [first] = made.dialled;

    await comeBack(made, { position: at(9), head: at(11) });
    expect(made.line.items).toEqual(first?.items);
    made.line.deliver(stateFrame(10, { set: { votes: 3 } }, "me"), stateFrame(11, { set: { votes: 4 } }), {
      type: "ack",
      ref: made.line.refs[0] ?? 0,
      offset: 10,
    });

    expect(await set).toEqual({ offset: 10 });
    expect(sharedOf(made)).toMatchObject({ votes: [4, 11] });
  });

  it("[T1 P2] a set keeps its place among published messages", async () => {
    const made = await visitVotes();

    void made.room.publish("chat", 1);
    void made.room.set({ votes: 3 });
    void made.room.publish("chat", 2);
    await settled();

    expect(made.line.frames.map((items) => items.map(({ type }) => type))).toEqual([
      ["publish", "set", "publish"],
    ]);
  });

  it("[F2] a client itself rejects values with more than 61 levels, because the room's rejection would have no ref", async () => {
    const made = await visitVotes();

    await expect(made.room.set({ deep: nested(62) })).rejects.toMatchObject({ code: "bad_frame" });
    await expect(made.room.set({ big: 1n })).rejects.toMatchObject({ code: "bad_frame" });
    void made.room.set({ deep: nested(61) });
    await settled();

    expect(made.line.items).toMatchObject([{ set: { deep: nested(61) } }]);
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
