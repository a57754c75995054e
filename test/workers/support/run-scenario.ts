import { expect } from "vitest";
import { infoOf } from "./rooms.ts";
import { Client, SCENARIO, type Clients } from "./scenario.ts";
import { join } from "./websocket.ts";

/** Runs the scenario, and calls `fail` after each step. */
export async function runScenario(
  room: string,
  fail: (step: string, clients: Clients) => Promise<void>,
): Promise<Clients> {
  const clients: Clients = {
    ana: new Client(room, "websocket"),
    bob: new Client(room, "sse"),
    cem: new Client(room, "websocket"),
  };
  for (const step of SCENARIO) {
    await step.run(clients);
    await fail(step.name, clients);
  }
  return clients;
}

/** Expects that nothing was lost or duplicated, whatever failed on the way. */
export async function expectWhole({ ana, bob, cem }: Clients): Promise<void> {
  const { room } = ana;
  const published = [ana, bob, cem].flatMap((client) => client.published()).toSorted(([a], [b]) => a - b);
  const witness = await join(room, { query: { rewind: "1000" } });
  await witness.inbox.take("position");

  // The log contains exactly the acked messages, at the offsets of their acks: 1, 2, 3 and so on.
  expect(witness.inbox.messages.map(({ offset, data }) => [offset, data])).toEqual(published);
  expect(published.map(([offset]) => offset)).toEqual(published.map((_, index) => index + 1));

  // A client that stayed has received everything once and in order, from the first message it could see.
  for (const client of [ana, bob]) {
    await client.now.inbox.until(() => client.messages.at(-1)?.offset === published.length);
    const first = client.messages[0]?.offset ?? 0;
    expect(client.messages).toEqual(witness.inbox.messages.slice(first - 1));
  }
  expect(ana.messages[0]?.offset).toBe(1);
  expect(bob.messages[0]?.offset).toBe(2);

  // Ids are the same over every connection, and presence is correct.
  for (const client of [ana, bob, cem]) {
    expect(new Set(client.connections.map(({ member, session }) => `${member} ${session}`)).size).toBe(1);
  }
  const welcome = await witness.welcome();
  expect(welcome.count).toBe(3);
  expect(new Map(welcome.members?.map(({ id, data }) => [id, data]))).toEqual(
    new Map([
      [ana.now.member, "calm"],
      [bob.now.member, "busy"],
      [witness.member, undefined],
    ]),
  );
  expect(await infoOf(room)).toMatchObject({ members: 3 });
}
