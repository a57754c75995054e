import { describe, expect, it } from "vitest";
import { stateFrame, type SentItem } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, visit, type Visit } from "../support/test-client.ts";

/** A room whose votes are 2, set at offset 7. */
function visitVotes(options: Parameters<typeof visit>[0] = {}): Promise<Visit> {
  return visit(options, { state: { votes: [2, 7] }, stateOffset: 7 });
}

/** Adds one vote. */
const vote = (votes: unknown): number => Number(votes ?? 0) + 1;

/** The newest set that was sent. */
function lastSet(made: Visit): SentItem & { readonly ref: number } {
  const item = made.line.items.findLast(({ type }) => type === "set");
  if (item?.ref === undefined) throw new Error("nothing was set");
  return { ...item, ref: item.ref };
}

/** Another member sets the votes first, so the newest set is rejected. */
function conflict(made: Visit, votes: number, version: number): void {
  made.line.deliver(stateFrame(version, { set: { votes } }), refusal(made, version));
}

function refusal(made: Visit, version: number) {
  const { ref } = lastSet(made);
  return {
    type: "error" as const,
    ref,
    code: "conflict" as const,
    message: "",
    versions: { votes: version },
  };
}

/** The reason of a promise's rejection. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
}

describe("an update", () => {
  it("[T2] an update sets the value computed from the current one, if the key still has its version", async () => {
    const made = await visitVotes();

    const updated = made.room.update("votes", vote);
    await settled();
    expect(lastSet(made)).toMatchObject({ set: { votes: 3 }, if: { votes: 7 } });
    made.line.ack([lastSet(made).ref], 8);

    expect(await updated).toEqual({ offset: 8 });
  });

  it("[T2] an update computes from undefined if the key is absent, and deletes the key if it returns undefined", async () => {
    const made = await visitVotes();

    void made.room.update("new", vote);
    void made.room.update("votes", () => undefined);
    await settled();

    expect(made.line.items).toMatchObject([
      { set: { new: 1 }, if: { new: 0 } },
      { set: {}, delete: ["votes"], if: { votes: 7 } },
    ]);
  });

  it("[T2] after a conflict an update waits for a random time that grows, and computes again each time", async () => {
    const made = await visitVotes();
    const updated = made.room.update("votes", vote);
    await settled();
    const waits: (number | undefined)[] = [];

    for (const [votes, version] of [
      [10, 8],
      [20, 9],
      [30, 10],
    ] as const) {
      conflict(made, votes, version);
      await settled();
      const [wait = 0] = made.world.timers;
      waits.push(wait);
      await made.world.pass(wait);
      expect(lastSet(made)).toMatchObject({ set: { votes: votes + 1 }, if: { votes: version } });
    }
    made.line.ack([lastSet(made).ref], 11);

    expect(waits).toEqual([25, 50, 100]); // half of the maximums, which double
    expect(await updated).toEqual({ offset: 11 });
  });

  it("[T2] an update is rejected with the conflict after 16 conflicts in a row", async () => {
    const made = await visitVotes();
    const updated = made.room.update("votes", vote);
    await settled();

    for (let version = 8; version < 8 + 16; version++) {
      conflict(made, version, version);
      await made.world.pass(2_000);
    }

    expect(made.line.items).toHaveLength(16);
    expect(await outcomeOf(updated)).toMatchObject({ code: "conflict", versions: { votes: 23 } });
  });

  it("[T2 A3] an update is not computed again after any other error", async () => {
    const made = await visitVotes();
    const updated = made.room.update("votes", vote);
    await settled();

    made.line.deliver({ type: "error", ref: lastSet(made).ref, code: "not_owner", message: "" });

    expect(await outcomeOf(updated)).toMatchObject({ code: "not_owner" });
    expect(made.line.items).toHaveLength(1);
  });

  it("[T2 T6] an update accepts the versions in a conflict for a key that the room has forgotten", async () => {
    const made = await visitVotes();
    void made.room.update("votes", vote);
    await settled();

    made.line.deliver(refusal(made, 0));
    await made.world.pass(25);

    expect(lastSet(made)).toMatchObject({ set: { votes: 1 }, if: { votes: 0 } });
  });

  it("[T2] an update cannot change the client's own copy of a value", async () => {
    const made = await visit({}, { state: { list: [["a"], 7] }, stateOffset: 7 });

    void made.room.update("list", (list) => {
      (list as string[]).push("b");
      return list;
    });
    await settled();

    expect(lastSet(made).set).toEqual({ list: ["a", "b"] });
    expect(made.room.shared.get("list")?.value).toEqual(["a"]);
  });
});

describe("updates of one key", () => {
  it("[T2] updates of one key in one task are one set, of the last result", async () => {
    const made = await visitVotes();

    const updated = Array.from({ length: 100 }, () => made.room.update("votes", vote));
    await settled();
    expect(made.line.items).toHaveLength(1);
    expect(lastSet(made)).toMatchObject({ set: { votes: 102 } });
    made.line.ack([lastSet(made).ref], 8);

    expect(await Promise.all(updated)).toEqual(Array.from({ length: 100 }, () => ({ offset: 8 })));
  });

  it("[T2 H3] updates of one key continue from the acknowledged value, even if the change itself arrives later, as over SSE", async () => {
    const made = await visitVotes({ transports: ["sse"] });
    void made.room.update("votes", vote);
    await settled();
    void made.room.update("votes", vote);
    await settled();
    expect(made.line.items).toHaveLength(1);

    made.line.ack([lastSet(made).ref], 8);
    await settled();

    expect(lastSet(made)).toMatchObject({ set: { votes: 4 }, if: { votes: 8 } });
  });

  it("[T2] updates of one key continue from what others have set since the last acknowledgement", async () => {
    const made = await visitVotes();
    void made.room.update("votes", vote);
    await settled();
    void made.room.update("votes", vote);
    made.line.deliver(
      stateFrame(8, { set: { votes: 3 } }, "me"),
      { type: "ack", ref: lastSet(made).ref, offset: 8 },
      stateFrame(9, { set: { votes: 50 } }),
    );
    await settled();

    expect(lastSet(made)).toMatchObject({ set: { votes: 51 }, if: { votes: 9 } });
  });

  it("[T2] updates of one key continue after one that throws, or whose result is not JSON", async () => {
    const made = await visitVotes();
    const mistake = new Error("a mistake of the application");

    const first = made.room.update("votes", vote);
    const thrown = made.room.update("votes", () => {
      throw mistake;
    });
    const big = made.room.update("votes", () => 1n);
    const last = made.room.update("votes", vote);
    await settled();
    made.line.ack([lastSet(made).ref], 8);

    expect(lastSet(made)).toMatchObject({ set: { votes: 4 } });
    expect(await outcomeOf(thrown)).toBe(mistake);
    expect(await outcomeOf(big)).toMatchObject({ code: "bad_frame" });
    expect(await Promise.all([first, last])).toEqual([{ offset: 8 }, { offset: 8 }]);
  });

  it("[T2] an update that another update starts is applied after it", async () => {
    const made = await visitVotes();

    const updated = made.room.update("votes", (votes) => {
      void made.room.update("votes", () => "after");
      return vote(votes);
    });
    await settled();
    made.line.ack([lastSet(made).ref], 8);
    await settled();

    expect(made.line.items.map(({ set }) => set)).toEqual([{ votes: 3 }, { votes: "after" }]);
    expect(await updated).toEqual({ offset: 8 });
  });

  it("[T2] updates that all throw set nothing", async () => {
    const made = await visitVotes();

    const thrown = made.room.update("votes", () => {
      throw new Error("no");
    });

    expect(await outcomeOf(thrown)).toBeInstanceOf(Error);
    expect(made.line.items).toEqual([]);
  });
});

describe("an update without a connection", () => {
  it("[T2 A3] an update without a connection is sent once there is one, and computed again if that is too late", async () => {
    const made = await visitVotes();
    made.line.end();
    const updated = made.room.update("votes", vote);
    await settled();
    await made.nextDial();
    made.line.welcome({ recovered: true });
    await settled();
    conflict(made, 40, 9);
    await made.world.pass(25);
    made.line.ack([lastSet(made).ref], 10);

    expect(lastSet(made)).toMatchObject({ set: { votes: 41 } });
    expect(await updated).toEqual({ offset: 10 });
  });

  it("[T2] an update is rejected when the room is closed, also during the wait after a conflict", async () => {
    const made = await visitVotes();
    const updated = made.room.update("votes", vote);
    await settled();
    conflict(made, 3, 8);
    await settled();

    made.room.close();

    expect(await outcomeOf(updated)).toMatchObject({ code: "closed" });
    expect(await outcomeOf(made.room.update("votes", vote))).toMatchObject({ code: "closed" });
    expect(made.world.timers).toEqual([]);
  });

  it("[T2 J10] an update is rejected in a room that the client only watches", async () => {
    const made = await visit({ view: true });

    expect(await outcomeOf(made.room.update("votes", vote))).toMatchObject({ code: "view_only" });
  });
});

/** The number of calls of each method. */
const MANY = 100_000;

describe("very many calls without a connection", () => {
  it.each<[string, (made: Visit, n: number) => Promise<unknown>]>([
    ["publish", ({ room }, n) => room.publish("chat", n)],
    ["set", ({ room }, n) => room.set({ n })],
    ["update", ({ room }) => room.update("n", vote)],
    ["setPresence", ({ room }, n) => room.setPresence({ n })],
  ])(
    "[A5 T2] very many calls to %s without a connection are all settled when the room is closed",
    { timeout: 60_000 },
    async (_what, call) => {
      const made = await visit();
      made.line.end();
      const codes = new Map<unknown, number>();
      for (let n = 0; n < MANY; n++) {
        call(made, n).catch(({ code }: { code: string }) => codes.set(code, (codes.get(code) ?? 0) + 1));
      }
      await settled();

      made.room.close();
      await settled();

      expect([...codes.values()].reduce((sum, count) => sum + count, 0)).toBe(MANY);
      expect([...codes.keys()].filter((code) => code !== "closed" && code !== "outbox_full")).toEqual([]);
    },
  );

  it(
    "[A5] very many calls of setPresence without a connection are all settled by the newest one",
    { timeout: 60_000 },
    async () => {
      const made = await visit();
      made.line.end();
      let resolved = 0;
      for (let n = 0; n < MANY; n++) void made.room.setPresence(n).then(() => resolved++);

      await made.nextDial();
      made.line.welcome({ recovered: true });
      await settled();
      expect(made.line.items.map(({ data }) => data)).toEqual([MANY - 1]);
      made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });
      await settled();

      expect(resolved).toBe(MANY);
      await comeBack(made);
      expect(made.line.target.presence).toBe(String(MANY - 1));
    },
  );
});
