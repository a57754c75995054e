import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Member } from "../../support/member.ts";
import { crash, evict, uniqueRoom } from "../support/rooms.ts";
import { Client } from "../support/scenario.ts";
import { joinSse } from "../support/sse.ts";
import { join, rejoin, type WebSocketMember } from "../support/websocket.ts";

/** A member is sent its position when the log is this many offsets beyond the last message or position it was sent. */
const POSITION_EVERY = 500;

// The clock stops unless a test moves it, so budgets refill only then.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

/** Publishes messages for their sender alone, as many at once as allowed. Resolves once they are stored. */
async function whisper(from: WebSocketMember, count: number): Promise<void> {
  const expected = from.inbox.messages.length + count;
  for (let left = count; left > 0; left -= 60) {
    vi.setSystemTime(Date.now() + 1_000);
    from.send(
      Array.from({ length: Math.min(60, left) }, () => ({ type: "publish", event: "w", to: [from.member] })),
    );
    await from.inbox.until(({ messages }) => messages.length >= Math.min(expected, expected - left + 60));
  }
}

/** The position frames that a member has received. */
function positions({ inbox }: Pick<Member, "inbox">): unknown[] {
  return inbox.all.filter(({ type }) => type === "position");
}

/** Sends a message without an offset. Resolves once everyone has received it, and so everything before it. */
async function settle(from: WebSocketMember, ...others: readonly Pick<Member, "inbox">[]): Promise<void> {
  from.send({ type: "publish", event: "v", volatile: true });
  await Promise.all(others.map(({ inbox }) => inbox.take("message", ({ event }) => event === "v")));
}

it("[P6 A7] a member is sent its position with the 500th message for others, and not before", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await join(room)];
  const start = bob.position;

  await whisper(ana, POSITION_EVERY - 1);
  await settle(ana, bob);
  expect(positions(bob)).toEqual([]);
  expect(bob.position).toBe(start);
  await whisper(ana, 1);

  expect(await bob.inbox.take("position")).toEqual({
    type: "position",
    position: ana.position,
    reason: "filtered",
  });
  expect(ana.position).toMatch(/:500$/);
  expect(positions(ana)).toEqual([]);
});

it("[P6 P3] the 500 messages are counted from the last message or position, and not from frames without an offset", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await join(room)];
  await whisper(ana, 300);
  await ana.publish("open", 1); // 301
  await whisper(ana, POSITION_EVERY - 1);
  await bob.setPresence("here"); // presence and an ack
  await settle(ana, bob);
  expect(positions(bob)).toEqual([]);

  await whisper(ana, 1);
  await whisper(ana, POSITION_EVERY - 1);
  await settle(ana, bob);
  expect(positions(bob)).toMatchObject([{ position: ana.position.replace(/\d+$/, "801") }]);
  await whisper(ana, 1);

  await bob.inbox.take("position", ({ position }) => position === ana.position);
  expect(positions(bob)).toHaveLength(2);
});

it("[P6 G4] a member that reconnects with a filtered position is recovered, and nothing is replayed", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await join(room)];
  await whisper(ana, POSITION_EVERY);
  await bob.inbox.take("position");

  const back = await rejoin(room, bob);
  await ana.publish("open", 1);
  await back.inbox.take("message");

  expect(await back.welcome()).toMatchObject({ recovered: true, head: bob.position });
  expect(back.inbox.all.map(({ type }) => type)).toEqual(["welcome", "message"]);
});

it("[P6 P3 S2 G5] over SSE a filtered position is an event with the position as its id", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await joinSse(room)];
  await whisper(ana, POSITION_EVERY);
  await bob.inbox.take("position");
  const { lastEventId } = bob.stream;
  bob.vanish();

  const back = await joinSse(room, { key: bob.key, lastEventId });

  expect(lastEventId).toBe(ana.position);
  expect(await back.welcome()).toMatchObject({ recovered: true, head: lastEventId });
});

it("[P3 P6 G4] a member that has received no filtered position is recovered too, and receives the messages for it", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await join(room)];
  await whisper(ana, 3);
  await settle(ana, bob);

  const back = await rejoin(room, bob);

  expect(await back.inbox.take("position")).toEqual({
    type: "position",
    position: ana.position,
    reason: "replayed",
  });
  expect(back.inbox.messages).toEqual([]);
});

it("[P6 G6] a hibernation does not delay a filtered position", async () => {
  const room = uniqueRoom();
  const [ana, bob] = [await join(room), await joinSse(room)];
  await whisper(ana, 250);
  await evict(room);
  await whisper(ana, 250);

  await bob.inbox.take("position");
  bob.vanish();
  const back = await joinSse(room, { key: bob.key, lastEventId: bob.stream.lastEventId });

  expect(positions(bob)).toMatchObject([{ reason: "filtered" }]);
  expect(await back.welcome()).toMatchObject({ recovered: true });
});

it("[P6 J10] clients that only watch are sent filtered positions as well", async () => {
  const room = uniqueRoom();
  const ana = await join(room);
  const eve = await join(room, { query: { view: "1" } });

  await whisper(ana, POSITION_EVERY);

  expect(await eve.inbox.take("position")).toMatchObject({ position: ana.position, reason: "filtered" });
  expect(eve.inbox.messages).toEqual([]);
});

/** Any step. `who` is the index of the client that it concerns. */
const anyStep = fc.record({
  who: fc.nat(3),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.record({ to: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }) }) },
    fc.constantFrom("publish", "return", "sleep", "crash"),
  ),
});
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

it(
  "[A7 P2 P4 G4 G5 G6 G12] for any order of events, each member receives the messages for it once and in order, and no others",
  { timeout: 60_000 },
  async () => {
    vi.useRealTimers();
    const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 25 });
    const run = async (steps: readonly Step[]): Promise<void> => {
      const room = uniqueRoom("chat");
      const clients = [0, 1, 2, 3].map((n) => new Client(room, n % 2 === 0 ? "websocket" : "sse"));
      for (const client of clients) await client.join();
      const ids = clients.map(({ now }) => now.member);
      const published: { from: string; to?: string[] }[] = [];
      const say = async (from: Client, to?: readonly number[]): Promise<void> => {
        const addressed = to && { to: to.map((index) => ids[index] ?? "") };
        const answer = await from.now.act(
          { type: "publish", event: "e", ...addressed },
          published.length + 1,
        );
        published.push({ from: from.now.member, ...addressed });
        expect(answer).toMatchObject({ offset: published.length });
      };
      for (const { who, what } of steps) {
        const client = clients[who] as Client;
        if (typeof what === "object") await say(client, what.to);
        else if (what === "publish") await say(client);
        else if (what === "return") await client.join();
        else if (what === "sleep") await evict(room).catch(() => undefined); // The room may be hibernating already.
        else if (what === "crash") {
          await crash();
          for (const each of clients) await each.join();
        }
      }
      await say(clients[0] as Client);

      const isFor = ({ from, to }: (typeof published)[number], id: string): boolean =>
        to === undefined || from === id || to.includes(id);
      for (const client of clients) {
        await client.now.inbox.until(({ position }) => position.endsWith(`:${published.length}`));
        expect(
          client.messages.map(({ offset, from, to }) => ({ offset, from, ...(to && { to: [...to] }) })),
        ).toEqual(
          published
            .map((one, index) => ({ offset: index + 1, ...one }))
            .filter((one) => isFor(one, client.now.member)),
        );
      }
    };

    await fc.assert(fc.asyncProperty(anySteps, run), { numRuns: 20, endOnFailure: false });
  },
);
