import { describe, expect, it } from "vitest";
import { stateFrame, type SentItem } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, joined, type TestClient } from "../support/test-client.ts";

/** A room whose votes are 2, set at offset 7. */
function visitVotes(options: Parameters<typeof joined>[0] = {}): Promise<TestClient> {
  return joined(options, { state: { votes: [2, 7] }, stateOffset: 7 });
}

/** Adds one vote. */
const vote = (votes: unknown): number => Number(votes ?? 0) + 1;

/** The newest set that was sent. */
function lastSet(client: TestClient): SentItem & { readonly ref: number } {
  const item = client.transport.items.findLast(({ type }) => type === "set");
  if (item?.ref === undefined) throw new Error("nothing was set");
  return { ...item, ref: item.ref };
}

/** Another member sets the votes first, so the newest set is rejected. */
function conflict(client: TestClient, votes: number, version: number): void {
  client.transport.deliver(stateFrame(version, { set: { votes } }), refusal(client, version));
}

function refusal(client: TestClient, version: number) {
  const { ref } = lastSet(client);
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
    const client = await visitVotes();

    const updated = client.room.shared.update("votes", vote);
    await settled();
    expect(lastSet(client)).toMatchObject({ set: { votes: 3 }, if: { votes: 7 } });
    client.transport.ack([lastSet(client).ref], 8);

    expect(await updated).toEqual({ offset: 8 });
  });

  it("[T2] an update computes from undefined if the key is absent, and deletes the key if it returns undefined", async () => {
    const client = await visitVotes();

    void client.room.shared.update("new", vote);
    void client.room.shared.update("votes", () => undefined);
    await settled();

    expect(client.transport.items).toMatchObject([
      { set: { new: 1 }, if: { new: 0 } },
      { set: {}, delete: ["votes"], if: { votes: 7 } },
    ]);
  });

  it("[T2] after a conflict an update waits for a random time that grows, and computes again each time", async () => {
    const client = await visitVotes();
    const updated = client.room.shared.update("votes", vote);
    await settled();
    const waits: (number | undefined)[] = [];

    for (const [votes, version] of [
      [10, 8],
      [20, 9],
      [30, 10],
    ] as const) {
      conflict(client, votes, version);
      await settled();
      const [wait = 0] = client.world.timers;
      waits.push(wait);
      await client.world.pass(wait);
      expect(lastSet(client)).toMatchObject({ set: { votes: votes + 1 }, if: { votes: version } });
    }
    client.transport.ack([lastSet(client).ref], 11);

    expect(waits).toEqual([25, 50, 100]); // half of the maximums, which double
    expect(await updated).toEqual({ offset: 11 });
  });

  it("[T2] an update is rejected with the conflict after 16 conflicts in a row", async () => {
    const client = await visitVotes();
    const updated = client.room.shared.update("votes", vote);
    await settled();

    for (let version = 8; version < 8 + 16; version++) {
      conflict(client, version, version);
      await client.world.pass(2_000);
    }

    expect(client.transport.items).toHaveLength(16);
    expect(await outcomeOf(updated)).toMatchObject({ code: "conflict", versions: { votes: 23 } });
  });

  it("[T2 A3] an update is not computed again after any other error", async () => {
    const client = await visitVotes();
    const updated = client.room.shared.update("votes", vote);
    await settled();

    client.transport.deliver({ type: "error", ref: lastSet(client).ref, code: "not_owner", message: "" });

    expect(await outcomeOf(updated)).toMatchObject({ code: "not_owner" });
    expect(client.transport.items).toHaveLength(1);
  });

  it("[T2 T6] an update accepts the versions in a conflict for a key that the room has forgotten", async () => {
    const client = await visitVotes();
    void client.room.shared.update("votes", vote);
    await settled();

    client.transport.deliver(refusal(client, 0));
    await client.world.pass(25);

    expect(lastSet(client)).toMatchObject({ set: { votes: 1 }, if: { votes: 0 } });
  });

  it("[T2] an update cannot change the client's own copy of a value", async () => {
    const client = await joined({}, { state: { list: [["a"], 7] }, stateOffset: 7 });

    void client.room.shared.update("list", (list) => {
      (list as string[]).push("b");
      return list;
    });
    await settled();

    expect(lastSet(client).set).toEqual({ list: ["a", "b"] });
    expect(client.room.shared.get("list")?.value).toEqual(["a"]);
  });
});

describe("updates of one key", () => {
  it("[T2] updates of one key in one task are one set, of the last result", async () => {
    const client = await visitVotes();

    const updated = Array.from({ length: 100 }, () => client.room.shared.update("votes", vote));
    await settled();
    expect(client.transport.items).toHaveLength(1);
    expect(lastSet(client)).toMatchObject({ set: { votes: 102 } });
    client.transport.ack([lastSet(client).ref], 8);

    expect(await Promise.all(updated)).toEqual(Array.from({ length: 100 }, () => ({ offset: 8 })));
  });

  it("[T2 H3] updates of one key continue from the acknowledged value, even if the change itself arrives later, as over SSE", async () => {
    const client = await visitVotes({ transports: ["sse"] });
    void client.room.shared.update("votes", vote);
    await settled();
    void client.room.shared.update("votes", vote);
    await settled();
    expect(client.transport.items).toHaveLength(1);

    client.transport.ack([lastSet(client).ref], 8);
    await settled();

    expect(lastSet(client)).toMatchObject({ set: { votes: 4 }, if: { votes: 8 } });
  });

  it("[T2] updates of one key continue from what others have set since the last acknowledgement", async () => {
    const client = await visitVotes();
    void client.room.shared.update("votes", vote);
    await settled();
    void client.room.shared.update("votes", vote);
    client.transport.deliver(
      stateFrame(8, { set: { votes: 3 } }, "me"),
      { type: "ack", ref: lastSet(client).ref, offset: 8 },
      stateFrame(9, { set: { votes: 50 } }),
    );
    await settled();

    expect(lastSet(client)).toMatchObject({ set: { votes: 51 }, if: { votes: 9 } });
  });

  it("[T2] updates of one key continue after one that throws, or whose result is not JSON", async () => {
    const client = await visitVotes();
    const mistake = new Error("a mistake of the application");

    const first = client.room.shared.update("votes", vote);
    const thrown = client.room.shared.update("votes", () => {
      throw mistake;
    });
    const big = client.room.shared.update("votes", () => 1n);
    const last = client.room.shared.update("votes", vote);
    await settled();
    client.transport.ack([lastSet(client).ref], 8);

    expect(lastSet(client)).toMatchObject({ set: { votes: 4 } });
    expect(await outcomeOf(thrown)).toBe(mistake);
    expect(await outcomeOf(big)).toMatchObject({ code: "bad_frame" });
    expect(await Promise.all([first, last])).toEqual([{ offset: 8 }, { offset: 8 }]);
  });

  it("[T2] an update that another update starts is applied after it", async () => {
    const client = await visitVotes();

    const updated = client.room.shared.update("votes", (votes) => {
      void client.room.shared.update("votes", () => "after");
      return vote(votes);
    });
    await settled();
    client.transport.ack([lastSet(client).ref], 8);
    await settled();

    expect(client.transport.items.map(({ set }) => set)).toEqual([{ votes: 3 }, { votes: "after" }]);
    expect(await updated).toEqual({ offset: 8 });
  });

  it("[T2] updates that all throw set nothing", async () => {
    const client = await visitVotes();

    const thrown = client.room.shared.update("votes", () => {
      throw new Error("no");
    });

    expect(await outcomeOf(thrown)).toBeInstanceOf(Error);
    expect(client.transport.items).toEqual([]);
  });
});

describe("an update without a connection", () => {
  it("[T2 A3] an update without a connection is sent once there is one, and computed again if that is too late", async () => {
    const client = await visitVotes();
    client.transport.end();
    const updated = client.room.shared.update("votes", vote);
    await settled();
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await settled();
    conflict(client, 40, 9);
    await client.world.pass(25);
    client.transport.ack([lastSet(client).ref], 10);

    expect(lastSet(client)).toMatchObject({ set: { votes: 41 } });
    expect(await updated).toEqual({ offset: 10 });
  });

  it("[T2] an update is rejected when the room is closed, also during the wait after a conflict", async () => {
    const client = await visitVotes();
    const updated = client.room.shared.update("votes", vote);
    await settled();
    conflict(client, 3, 8);
    await settled();

    client.room.close();

    expect(await outcomeOf(updated)).toMatchObject({ code: "closed" });
    expect(await outcomeOf(client.room.shared.update("votes", vote))).toMatchObject({ code: "closed" });
    expect(client.world.timers).toEqual([]);
  });

  it("[T2 J10] an update is rejected in a room that the client only watches", async () => {
    const client = await joined({ view: true });

    expect(await outcomeOf(client.room.shared.update("votes", vote))).toMatchObject({ code: "view_only" });
  });
});

/** The number of calls of each method. */
const MANY = 100_000;

describe("very many calls without a connection", () => {
  it.each<[string, (client: TestClient, n: number) => Promise<unknown>]>([
    ["publish", ({ room }, n) => room.publish("chat", n)],
    ["set", ({ room }, n) => room.shared.set({ n })],
    ["update", ({ room }) => room.shared.update("n", vote)],
    ["setPresence", ({ room }, n) => room.setPresence({ n })],
  ])(
    "[A5 T2] very many calls to %s without a connection are all settled when the room is closed",
    { timeout: 60_000 },
    async (_what, call) => {
      const client = await joined();
      client.transport.end();
      const codes = new Map<unknown, number>();
      for (let n = 0; n < MANY; n++) {
        call(client, n).catch(({ code }: { code: string }) => codes.set(code, (codes.get(code) ?? 0) + 1));
      }
      await settled();

      client.room.close();
      await settled();

      expect([...codes.values()].reduce((sum, count) => sum + count, 0)).toBe(MANY);
      expect([...codes.keys()].filter((code) => code !== "closed" && code !== "outbox_full")).toEqual([]);
    },
  );

  it(
    "[A5] very many calls of setPresence without a connection are all settled by the newest one",
    { timeout: 60_000 },
    async () => {
      const client = await joined();
      client.transport.end();
      let resolved = 0;
      for (let n = 0; n < MANY; n++) void client.room.setPresence(n).then(() => resolved++);

      await client.nextDial();
      client.transport.welcome({ recovered: true });
      await settled();
      expect(client.transport.items.map(({ data }) => data)).toEqual([MANY - 1]);
      client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });
      await settled();

      expect(resolved).toBe(MANY);
      await reconnect(client);
      expect(client.transport.target.presence).toBe(String(MANY - 1));
    },
  );
});
