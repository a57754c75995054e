import fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { Json } from "../../src/protocol/json.ts";
import { crash, evict, infoOf, uniqueRoom } from "./support/rooms.ts";
import { Client } from "./support/scenario.ts";
import { join, rejoin, type WebSocketMember } from "./support/websocket.ts";

/** What may happen; `client` says to whom. What makes no sense at its time is passed over. */
const OPERATIONS = ["join", "publish", "repeat", "say", "close", "leave", "sleep", "crash"] as const;

const anyStep = fc.record({ client: fc.nat(3), operation: fc.constantFrom(...OPERATIONS) });

/** Follows presence frames as a client does, and notices what contradicts them. */
class Watcher {
  readonly #room: string;
  #member: WebSocketMember | undefined;
  readonly contradictions: string[] = [];

  constructor(room: string) {
    this.#room = room;
  }

  get member(): WebSocketMember {
    if (this.#member === undefined) throw new Error("the watcher has not joined");
    return this.#member;
  }

  async join(): Promise<void> {
    this.#member =
      this.#member === undefined ? await join(this.#room) : await rejoin(this.#room, this.#member);
  }

  /** Who is here, as the frames since the last welcome tell. */
  async here(): Promise<Map<string, Json | undefined>> {
    const welcome = await this.member.welcome();
    const here = new Map(welcome.members?.map(({ id, data }) => [id, data]));
    for (const frame of this.member.inbox.all) {
      if (frame.type !== "presence") continue;
      for (const { id, data } of frame.joined ?? []) {
        if (here.has(id)) this.contradictions.push(`${id} joined twice`);
        here.set(id, data);
      }
      for (const { id, data } of frame.updated ?? []) {
        if (!here.has(id)) this.contradictions.push(`${id} changed and is not here`);
        here.set(id, data);
      }
      for (const { id } of frame.left ?? []) {
        if (!here.delete(id)) this.contradictions.push(`${id} left and was not here`);
      }
    }
    return here;
  }
}

async function run(
  steps: readonly { client: number; operation: (typeof OPERATIONS)[number] }[],
): Promise<void> {
  const room = uniqueRoom();
  const clients = Array.from(
    { length: 4 },
    (_, index) => new Client(room, index % 2 === 0 ? "websocket" : "sse"),
  );
  const here = new Set<Client>();
  const watcher = new Watcher(room);
  await watcher.join();

  for (const { client: index, operation } of steps) {
    const client = clients[index] as Client;
    if (operation === "sleep") await evict(room).catch(() => undefined);
    else if (operation === "crash") {
      await crash();
      await watcher.here();
      await Promise.all([
        watcher.join(),
        ...[...here].map((each) => each.now.closed.then(() => each.join())),
      ]);
    } else if (operation === "join") {
      await client.join();
      here.add(client);
    } else if (here.has(client)) {
      if (operation === "publish") await client.publish();
      if (operation === "repeat" && client.acks.size > 0) await client.repeat();
      if (operation === "say") await client.say(String(steps.length));
      if (operation === "close" || operation === "leave") {
        if (operation === "close") client.now.close();
        else await client.now.act({ type: "leave" }).catch(() => undefined);
        await client.now.closed;
        here.delete(client);
      }
    }
  }

  await vi.waitFor(async () => expect((await infoOf(room)).members).toBe(here.size + 1));
  const fresh = await join(room, { query: { rewind: "100000" } });
  const published = clients.flatMap((client) => client.published()).toSorted(([a], [b]) => a - b);
  if (published.length > 0) await fresh.inbox.take("position");
  expect(fresh.inbox.messages.map(({ offset, data }) => [offset, data])).toEqual(published);
  expect(published.map(([offset]) => offset)).toEqual(published.map((_, index) => index + 1));
  for (const client of clients) {
    if (here.has(client))
      await client.now.inbox.until(
        () => (client.messages.at(-1)?.offset ?? published.length) === published.length,
      );
    const first = client.messages[0]?.offset ?? 1;
    expect(client.messages).toEqual(
      fresh.inbox.messages.slice(first - 1, first - 1 + client.messages.length),
    );
  }
  await watcher.member.inbox.take(
    "presence",
    ({ joined }) => joined?.some(({ id }) => id === fresh.member) ?? false,
  );
  const told = await watcher.here();
  expect(watcher.contradictions).toEqual([]);
  expect(told).toEqual(new Map((await fresh.welcome()).members?.map(({ id, data }) => [id, data])));
}

it(
  "[G1 G2 G3 G4 G5 G6 G9] nothing is lost, doubled or untrue, whatever happens in whatever order",
  { timeout: 60_000 },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 30 }), run), {
      numRuns: 40,
      endOnFailure: false,
    });
  },
);
