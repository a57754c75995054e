import { describe, expect, it } from "vitest";
import type { Room } from "../../../src/client/room.ts";
import type { WaitOptions } from "../../../src/client/sending/waiting.ts";
import { stateFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined, reconnect, TestClient } from "../support/test-client.ts";

/** The code of a promise's rejection. */
function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    promise.then(
      () => "resolved",
      ({ code }: { code?: unknown }) => code,
    ),
    settled().then(() => "pending"),
  ]);
}

const ACTS: readonly [string, (room: Room, wait: WaitOptions) => Promise<unknown>][] = [
  ["publish", (room, wait) => room.publish("chat", 1, wait)],
  ["shared.set", (room, wait) => room.shared.set({ votes: 1 }, wait)],
  ["shared.update", (room, wait) => room.shared.update("votes", () => 1, wait)],
];

describe("an act with a timeout or a signal", () => {
  it.each(ACTS)(
    "[G3 A3] a %s that times out before it was sent is rejected with timeout, and never sent",
    async (_name, act) => {
      const client = new TestClient();
      const done = act(client.room, { timeoutMs: 5_000 });
      await client.world.pass(4_999);
      expect(await codeOf(done)).toBe("pending");
      await client.world.pass(1);

      expect(await codeOf(done)).toBe("timeout");
      client.transport.welcome();
      await settled();
      expect(client.transport.items).toEqual([]);
    },
  );

  it.each(ACTS)(
    "[G3 A3] a %s that is aborted before it was sent is rejected with aborted, and never sent",
    async (_name, act) => {
      const client = new TestClient();
      const control = new AbortController();
      const done = act(client.room, { signal: control.signal });
      await settled();
      control.abort();

      expect(await codeOf(done)).toBe("aborted");
      expect(await codeOf(act(client.room, { signal: control.signal }))).toBe("aborted");
      client.transport.welcome();
      await settled();
      expect(client.transport.items).toEqual([]);
    },
  );

  it.each(ACTS)(
    "[G3 A3] a %s that is aborted after it was sent is rejected with outcome_unknown, and not sent again",
    async (_name, act) => {
      const client = await joined();
      const control = new AbortController();
      const done = act(client.room, { signal: control.signal });
      await settled();
      expect(client.transport.refs).toHaveLength(1);
      control.abort();

      expect(await codeOf(done)).toBe("outcome_unknown");
      await reconnect(client);
      expect(client.transport.items).toEqual([]);
      client.transport.ack(client.dialled[0]?.refs ?? []);
      expect(client.emitted.error).toEqual([]);
    },
  );

  it.each(ACTS)("[A3] a %s that settled in time leaves no timer and no listener", async (_name, act) => {
    const client = await joined();
    const timers = client.world.timers.length;
    const control = new AbortController();
    const done = act(client.room, { timeoutMs: 60_000, signal: control.signal });
    await settled();
    client.transport.ack(client.transport.refs);
    await settled();

    expect(client.world.timers).toHaveLength(timers);
    control.abort();
    expect(await codeOf(done)).toBe("resolved");
  });

  it("[A5] a setPresence that is aborted is rejected with outcome_unknown, and its data is still sent", async () => {
    const client = new TestClient();
    const older = client.room.setPresence("old");
    const newer = client.room.setPresence("new", { timeoutMs: 1_000 });
    await client.world.pass(1_000);
    expect(await codeOf(newer)).toBe("outcome_unknown");

    client.transport.welcome();
    await settled();
    expect(client.transport.items.map(({ data }) => data)).toEqual(["new"]);
    client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });
    expect(await codeOf(older)).toBe("resolved");
  });

  it("[A3] an act from before the first welcome that is aborted after it was sent is not sent again", async () => {
    const client = new TestClient();
    const control = new AbortController();
    const done = client.room.publish("chat", 1, { signal: control.signal });
    await settled();
    client.transport.welcome();
    await settled();
    expect(client.transport.items).toMatchObject([{ type: "publish", data: 1 }]);
    control.abort();

    expect(await codeOf(done)).toBe("outcome_unknown");
    await reconnect(client);
    expect(client.transport.items).toEqual([]);
  });

  it("[A3] acts after one that was dropped are sent in order", async () => {
    const client = new TestClient();
    const control = new AbortController();
    const acts = [1, 2, 3].map((n) =>
      client.room.publish("chat", n, n === 2 ? { signal: control.signal } : {}),
    );
    await settled();
    control.abort();
    client.transport.welcome();
    await settled();
    client.transport.ack(client.transport.refs);

    expect(client.transport.items.map(({ data }) => data)).toEqual([1, 3]);
    expect(await Promise.all(acts.map(codeOf))).toEqual(["resolved", "aborted", "resolved"]);
  });
});

describe("an update with a timeout or a signal", () => {
  it("[T2] updates in one set continue without one that is aborted before the set was sent", async () => {
    const client = new TestClient();
    const control = new AbortController();
    const add = (votes: unknown): number => Number(votes ?? 0) + 1;
    const first = client.room.shared.update("votes", add);
    const second = client.room.shared.update("votes", add, { signal: control.signal });
    await settled();
    control.abort();
    expect(await codeOf(second)).toBe("aborted");

    client.transport.welcome();
    await settled();
    expect(client.transport.items).toMatchObject([{ set: { votes: 1 } }]);
    client.transport.ack(client.transport.refs);
    expect(await codeOf(first)).toBe("resolved");
  });

  it("[T2 A3] an update that is aborted after its set was sent does not change the outcome of the other updates in that set", async () => {
    const client = await joined();
    const control = new AbortController();
    const add = (votes: unknown): number => Number(votes ?? 0) + 1;
    const first = client.room.shared.update("votes", add);
    const second = client.room.shared.update("votes", add, { signal: control.signal });
    await settled();
    control.abort();
    expect(await codeOf(second)).toBe("outcome_unknown");

    await reconnect(client);
    expect(client.transport.items).toMatchObject([{ set: { votes: 2 } }]);
    client.transport.ack(client.transport.refs);
    expect(await codeOf(first)).toBe("resolved");
  });

  it("[T2] an update that is aborted during the wait after a conflict is not computed again", async () => {
    const client = await joined({}, { state: { votes: [2, 7] }, stateOffset: 7 });
    const control = new AbortController();
    let computed = 0;
    const updated = client.room.shared.update("votes", () => ++computed, { signal: control.signal });
    await settled();
    const [ref = 0] = client.transport.refs;
    client.transport.deliver(stateFrame(8, { set: { votes: 5 } }), {
      ...{ type: "error", ref, code: "conflict", message: "" },
      versions: { votes: 8 },
    });
    await settled();
    control.abort();
    await client.world.pass(5_000);

    expect(await codeOf(updated)).toBe("aborted");
    expect(computed).toBe(1);
    expect(client.transport.items).toHaveLength(1);
  });
});

describe("the pending acts", () => {
  it("[A2] pending counts the acts without an outcome, and is the same object until it changes", async () => {
    const client = await joined();
    expect(client.room.pending).toEqual({ count: 0 });

    void client.room.publish("chat", 1);
    void client.room.shared.set({ votes: 1 });
    client.room.send("cursor", 1);
    await settled();
    const { pending } = client.room;
    expect(pending).toEqual({ count: 2 });
    expect(client.room.pending).toBe(pending);
    client.transport.ack(client.transport.refs);
    await settled();

    expect(client.room.pending).toEqual({ count: 0 });
    expect(client.emitted.pending.map(({ count }) => count)).toEqual([1, 2, 1, 0]);
  });

  it("[A2] pending is 0 before the event closed", async () => {
    const client = new TestClient();
    const seen: unknown[] = [];
    client.room.on("closed", () => seen.push(client.room.pending.count));
    void client.room.publish("chat", 1);
    void client.room.shared.update("votes", () => 1);

    client.room.close();

    expect(seen).toEqual([0]);
    expect(client.emitted.pending.at(-1)).toEqual({ count: 0 });
  });

  it("[A2] a flush resolves when all acts before it have settled, whatever their outcome", async () => {
    const client = await joined();
    void client.room.publish("chat", 1);
    void client.room.shared.update("votes", () => 1);
    await settled();
    const flushed = client.room.flush();
    void client.room.publish("chat", "later");
    await settled();
    const [one = 0, two = 0, later = 0] = client.transport.refs;
    expect(await codeOf(flushed)).toBe("pending");

    client.transport.ack([one]);
    expect(await codeOf(flushed)).toBe("pending");
    client.transport.deliver({ type: "error", ref: two, code: "not_owner", message: "" });

    expect(await codeOf(flushed)).toBe("resolved");
    client.transport.ack([later]);
    expect(await codeOf(client.room.flush())).toBe("resolved");
  });

  it("[A2] a flush that times out or is aborted leaves the acts pending", async () => {
    const client = new TestClient();
    const control = new AbortController();
    const published = client.room.publish("chat", 1);
    const flushes = [client.room.flush({ timeoutMs: 1_000 }), client.room.flush({ signal: control.signal })];
    await client.world.pass(1_000);
    control.abort();

    expect(await Promise.all(flushes.map(codeOf))).toEqual(["timeout", "aborted"]);
    expect(await codeOf(published)).toBe("pending");
    expect(client.room.pending.count).toBe(1);
  });
});

describe("a full queue", () => {
  it("[A3] with overflow reject, an act over the limit is rejected with outbox_full", async () => {
    const { room } = new TestClient({ maxPendingActs: 2 });
    const acts = [1, 2, 3].map((n) => room.publish("chat", n));

    expect(await Promise.all(acts.map(codeOf))).toEqual(["pending", "pending", "outbox_full"]);
  });

  it("[A3] with overflow drop-oldest, an act over the limit takes the place of the oldest act that was never sent", async () => {
    const client = await joined({ maxPendingActs: 3, overflow: "drop-oldest" });
    const sent = client.room.publish("chat", "sent");
    await settled();
    client.transport.end();
    const acts = [1, 2, 3, 4].map((n) => client.room.publish("chat", n));
    expect(await Promise.all(acts.map(codeOf))).toEqual(["outbox_full", "outbox_full", "pending", "pending"]);

    await client.nextDial();
    client.transport.welcome({ recovered: true });
    await settled();

    expect(client.transport.items.map(({ data }) => data)).toEqual(["sent", 3, 4]);
    expect(await codeOf(sent)).toBe("pending");
  });

  it("[A3] with overflow drop-oldest, an act is rejected if all waiting acts were sent", async () => {
    const client = await joined({ maxPendingActs: 1, overflow: "drop-oldest" });
    const sent = client.room.publish("chat", "sent");
    await settled();

    expect(await codeOf(client.room.publish("chat", 1))).toBe("outbox_full");
    expect(await codeOf(sent)).toBe("pending");
  });
});
