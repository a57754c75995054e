import { describe, expect, it } from "vitest";
import { crash, evict, inRoom, uniqueRoom } from "../support/rooms.ts";
import { expectWhole, runScenario } from "../support/run-scenario.ts";
import { SCENARIO, type Clients, type Client } from "../support/scenario.ts";
import { joinSse, post } from "../support/sse.ts";
import { join, rejoin } from "../support/websocket.ts";

/** Who is in the room after a step: clients that come back by themselves. */
const GONE_AFTER: Readonly<Record<string, readonly (keyof Clients)[]>> = {
  "a close in order": ["cem"],
  "a publish unseen": ["cem"],
  "a lost stream": ["bob"],
  "another publish unseen": ["bob"],
  "a leave": ["cem"],
  "a last publish": ["cem"],
};

/** Ends every object, and has those who were connected come back. */
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
    "[G1 G2 G3 G4 G5 G6 G9] loses and doubles nothing after %s",
    async (name) => {
      const clients = await runScenario(uniqueRoom(), async (step, all) => {
        if (step === name) await crashAndReturn(step, all);
      });

      await expectWhole(clients);
    },
  );

  it("[G1 G2 G3 G4 G5 G6 G9] loses and doubles nothing after every one", async () => {
    await expectWhole(await runScenario(uniqueRoom(), crashAndReturn));
  });

  it("[G1 G2 G3 G4 G5 G6 G9] loses and doubles nothing when sleeps and crashes alternate", async () => {
    let steps = 0;
    await expectWhole(
      await runScenario(uniqueRoom(), (step, clients) =>
        steps++ % 2 === 0 ? evict(clients.ana.room) : crashAndReturn(step, clients),
      ),
    );
  });
});

describe("a crash while something is on its way", () => {
  it("[C1 G6] members see 1006, which says to come back", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await joinSse(room)];

    await crash();

    expect(await ana.closed).toMatchObject({ code: 1006 });
    await bob.ended;
    expect(bob.inbox.all.map(({ type }) => type)).toEqual(["welcome"]); // no close: the next request resumes
    expect(bob.stream.lastEventId).toBe(bob.position);
  });

  it("[G2 G3 G4] of publishes cut off, each is stored once or not at all, and repeats make it once", async () => {
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
    // Whatever a member saw before a crash is in the log as it saw it.
    expect(reader.inbox.messages).toEqual(expect.arrayContaining(witness.inbox.messages));
  });

  it("[G3 H1] a POST cut off is repeated, and is there once", async () => {
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

  it("[G4 P2] messages after a crash go on from the last offset, in the same log", async () => {
    const room = uniqueRoom();
    const ana = await join(room);
    await ana.publish("e", 1);
    const { position } = ana;

    await crash();
    const again = await rejoin(room, ana);

    expect(await again.publish("e", 2, { ref: 2 })).toMatchObject({ offset: 2 });
    expect(again.position).toBe(position.replace(/1$/, "2"));
  });

  it("[G9] members who do not come back are not counted after a crash", async () => {
    const room = uniqueRoom();
    const [ana] = [await join(room), await join(room), await joinSse(room)];

    await crash();
    const again = await rejoin(room, ana);

    expect(await again.welcome()).toMatchObject({ count: 1, members: [{ id: ana.member }] });
  });

  it("[G6 G2] something unforeseen ends the object before anyone has seen it, and nothing stored is lost", async () => {
    const room = uniqueRoom();
    const [ana, bob] = [await join(room), await join(room)];
    await ana.publish("e", 1);
    await bob.inbox.take("message");
    // As code with a bug would have left it: there is no such way to write a frame.
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
