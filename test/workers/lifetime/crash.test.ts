import { describe, expect, it } from "vitest";
import { crash, evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { expectWhole, runScenario } from "../support/run-scenario.ts";
import { SCENARIO, type Clients, type Client } from "../support/scenario.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

/** The clients that are not in the room after a step. All others reconnect after a crash. */
const GONE_AFTER: Readonly<Record<string, readonly (keyof Clients)[]>> = {
  "a close in order": ["cem"],
  "a publish unseen": ["cem"],
  "a lost stream": ["bob"],
  "another publish unseen": ["bob"],
  "a leave": ["cem"],
  "a last publish": ["cem"],
};

/** Ends every object, and reconnects the clients that were connected. */
async function crashAndReturn(step: string, clients: Clients): Promise<void> {
  const gone = GONE_AFTER[step] ?? [];
  const there = (Object.entries(clients) as [keyof Clients, Client][])
    .filter(([name, client]) => client.isThere && !gone.includes(name))
    .map(([, client]) => client);
  await crash();
  for (const client of there) expect((await client.now.closed).code).toBe(1006);
  for (const client of there) await client.join();
}

describe("a crash between any two steps", () => {
  it.each(SCENARIO.map(({ name }) => name))(
    "[G1 G2 G3 G4 G5 G6 G9] a crash loses and repeats nothing after %s",
    async (name) => {
      const clients = await runScenario(uniqueRoom(), async (step, all) => {
        if (step === name) await crashAndReturn(step, all);
      });

      await expectWhole(clients);
    },
  );

  it("[G1 G2 G3 G4 G5 G6 G9] a crash after every step loses and repeats nothing", async () => {
    await expectWhole(await runScenario(uniqueRoom(), crashAndReturn));
  });

  it("[G1 G2 G3 G4 G5 G6 G9] alternating hibernations and crashes lose and repeat nothing", async () => {
    let steps = 0;
    await expectWhole(
      await runScenario(uniqueRoom(), (step, clients) =>
        steps++ % 2 === 0 ? evict(clients.ana.room) : crashAndReturn(step, clients),
      ),
    );
  });
});

describe("a crash during a request", () => {
  it("[C1 G6] a crash closes connections with 1006, and members reconnect", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    await crash();

    expect(await ana.closed).toMatchObject({ code: 1006 });
    await bob.ended;
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome"]); // No close frame, so the next request resumes.
    expect(bob.stream.lastEventId).toBe(bob.position);
  });

  it("[G2 G3 G4] a crash stores each pending publish once or not at all, and after repeats each is stored once", async () => {
    const room = uniqueRoom();
    let ana = await join(room);
    const witness = await join(room);
    const start = ana.position;
    const acked = new Set<number>();
    for (let round = 0; round < 6; round++) {
      const refs = [1, 2, 3].map((n) => round * 3 + n);
      for (const ref of refs) ana.send({ type: "publish", ref, event: "e", data: ref });
      if (round % 2 === 0) await ana.inbox.take("ack").catch(() => undefined);
      await crash();
      await ana.closed;
      for (const frame of ana.inbox.all)
        if (frame.type === "ack" && frame.ref !== undefined) acked.add(frame.ref);
      ana = await rejoin(room, ana);
      for (const ref of refs) await ana.publish("e", ref, { ref });
    }
    const reader = await join(room, { after: start });
    await reader.inbox.take("position");

    expect(acked.size).toBeGreaterThan(0);
    expect(reader.inbox.messages.map(({ data }) => data).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 18 }, (_, index) => index + 1),
    );
    expect(reader.inbox.messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 18 }, (_, index) => index + 1),
    );
    // The log contains every message that a member received before a crash, unchanged.
    expect(reader.inbox.messages).toEqual(expect.arrayContaining(witness.inbox.messages));
  });

  it("[G3 H1] a POST that a crash interrupted is stored once when it is repeated", async () => {
    const room = uniqueRoom();
    const bob = await joinSse(room);
    for (let ref = 1; ref <= 5; ref++) {
      const cut = bob.post({ type: "publish", ref, event: "e", data: ref }).catch(() => undefined);
      await crash();
      await cut;
      const again = await joinSse(room, { key: bob.key });
      expect(await post(room, again, { type: "publish", ref, event: "e", data: ref })).toMatchObject({
        body: { type: "ack", ref },
      });
    }
    const reader = await join(room, { query: { rewind: "100" } });
    await reader.inbox.take("position");

    expect(reader.inbox.messages.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5]);
  });

  it("[G4 P2] messages after a crash continue from the last offset, in the same log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1);
    const { position } = ana;

    await crash();
    const again = await rejoin(room, ana);

    expect(await again.publish("e", 2, { ref: 2 })).toMatchObject({ offset: 2 });
    expect(again.position).toBe(position.replace(/1$/, "2"));
  });

  it("[G9] members that do not reconnect after a crash are not counted", async () => {
    const room = uniqueRoom();
    const [ana] = [await join(room), await join(room), await joinSse(room)];

    await crash();
    const again = await rejoin(room, ana);

    expect(await again.welcome()).toMatchObject({ count: 1, members: [{ id: ana.member }] });
  });

  it("[G6 G2] an unexpected error ends the object before its event is sent to anyone, and no stored message is lost", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await ana.publish("e", 1);
    await bob.inbox.take("message");
    // The state that a bug could leave. No frame can cause it.
    await inRoom(room, (state) => {
      for (const socket of state.getWebSockets()) {
        socket.serializeAttachment({ ...(socket.deserializeAttachment() as object), dialect: "none" });
      }
    });
    await evict(room);

    ana.send({ type: "publish", ref: 2, event: "e", data: 2 });
    await Promise.all([ana.closed, bob.closed]);
    const again = await rejoin(room, ana);

    expect(bob.inbox.messages.map(({ data }) => data)).toEqual([1]);
    expect(await again.welcome()).toMatchObject({ recovered: true, count: 1 });
    expect(await again.publish("e", 2, { ref: 2 })).toMatchObject({ offset: 2 });
  });
});
