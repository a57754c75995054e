import { expect, it } from "vitest";
import type { WelcomeFrame } from "../../../src/protocol/frames.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

const ME = { id: "me" };
const ANA = { id: "ana", data: { name: "Ana" } };
const BO = { id: "bo" };
const CEM = { id: "cem" };

/** A welcome without a list. */
const NO_LIST = { members: undefined } as unknown as Partial<WelcomeFrame>;

function visitAnaAndBo(): Promise<TestClient> {
  return joined({}, { roster: "r1", members: [ME, ANA, BO], count: 3 });
}

function idsOf(client: TestClient): string[] {
  return [...client.room.members.keys()];
}

it("[M5 J7] a client reconnects with the revision of its list, and keeps the list if it is current", async () => {
  const client = await visitAnaAndBo();
  expect(client.dialled[0]?.target.roster).toBeUndefined();
  client.transport.deliver({ type: "presence", roster: "r2", joined: [CEM], count: 4 });

  await reconnect(client, { ...NO_LIST, roster: "r2", count: 4 });

  expect(client.transport.target.roster).toBe("r2");
  expect(idsOf(client)).toEqual(["me", "ana", "bo", "cem"]);
  expect(client.emitted.presence).toHaveLength(2);
});

it("[M5] a client reconnects with the revision of its last welcome", async () => {
  const client = await visitAnaAndBo();
  await reconnect(client, { roster: "r5", members: [ME, ANA], count: 2 });

  await reconnect(client, { ...NO_LIST, roster: "r5", count: 2 });

  expect(client.dialled.map(({ target }) => target.roster)).toEqual([undefined, "r1", "r5"]);
  expect(idsOf(client)).toEqual(["me", "ana"]);
});

it("[M5 L5] a whole list replaces the known one, and the difference is emitted", async () => {
  const client = await visitAnaAndBo();
  const anew = { ...ANA, data: { name: "Ana", away: true } };

  client.transport.deliver({
    type: "presence",
    mode: "list",
    roster: "r9",
    members: [ME, anew, CEM],
    count: 3,
  });

  expect(client.emitted.presence.slice(1)).toEqual([
    { joined: [CEM], updated: [anew], left: [BO], count: 3 },
  ]);
  expect(idsOf(client)).toEqual(["me", "ana", "cem"]);

  client.transport.deliver({
    type: "presence",
    mode: "list",
    roster: "r9",
    members: [ME, anew, CEM],
    count: 3,
  });
  expect(client.emitted.presence).toHaveLength(2);
});

it("[M6] when the mode becomes count the list is empty, and no member is reported as left", async () => {
  const client = await visitAnaAndBo();
  const members = client.room.members;
  expect(client.room.mode).toBe("list");

  client.transport.deliver({ type: "presence", mode: "count", roster: "r2", count: 201 });
  expect(client.room.mode).toBe("count");
  expect(members.size).toBe(0);
  expect(client.room.count).toBe(201);
  client.transport.deliver({ type: "presence", mode: "count", roster: "r3", count: 202 });

  expect(client.emitted.presence.slice(1)).toEqual([
    { joined: [], updated: [], left: [], count: 201 },
    { joined: [], updated: [], left: [], count: 202 },
  ]);
});

it("[M6 G9] when the mode becomes list again, members that joined or left meanwhile are reported once", async () => {
  const client = await visitAnaAndBo();
  client.transport.deliver({ type: "presence", mode: "count", roster: "r2", count: 201 });

  client.transport.deliver({
    type: "presence",
    mode: "list",
    roster: "r3",
    members: [ME, ANA, CEM],
    count: 3,
  });

  expect(client.room.mode).toBe("list");
  expect(idsOf(client)).toEqual(["me", "ana", "cem"]);
  expect(client.emitted.presence.at(-1)).toEqual({ joined: [CEM], updated: [], left: [BO], count: 3 });

  client.transport.deliver({
    type: "presence",
    roster: "r4",
    left: [{ id: "ana", reason: "left" }],
    count: 2,
  });
  expect(client.emitted.presence.at(-1)).toMatchObject({ left: [{ ...ANA, reason: "left" }] });
});

it("[M6] the change back to the mode list is emitted even if no member joined or left", async () => {
  const client = await visitAnaAndBo();
  client.transport.deliver({ type: "presence", mode: "count", roster: "r2", count: 3 });

  client.transport.deliver({
    type: "presence",
    mode: "list",
    roster: "r3",
    members: [ME, ANA, BO],
    count: 3,
  });

  expect(client.emitted.presence.at(-1)).toEqual({ joined: [], updated: [], left: [], count: 3 });
});

it("[M6 M5] a mode that changed during an outage reports no member as left, and the client reconnects without a revision in the mode count", async () => {
  const client = await visitAnaAndBo();

  await reconnect(client, { ...NO_LIST, mode: "count", roster: "r2", count: 300 });
  expect(client.room.mode).toBe("count");
  expect(idsOf(client)).toEqual([]);
  await reconnect(client, { roster: "r3", members: [ME, ANA], count: 2 });

  expect(client.dialled.map(({ target }) => target.roster)).toEqual([undefined, "r1", undefined]);
  expect(client.emitted.presence.slice(1)).toEqual([
    { joined: [], updated: [], left: [], count: 300 },
    { joined: [], updated: [], left: [BO], count: 2 },
  ]);
});

it("[M6 W4] the mode is first the requested one, and then the one in the welcome", async () => {
  const asked = new TestClient({ mode: "count" });
  expect(asked.room.mode).toBe("count");
  asked.room.close();

  const client = await joined({}, { ...NO_LIST, mode: "count", count: 500 });
  expect(client.room.mode).toBe("count");
  expect(client.emitted.presence).toEqual([{ joined: [], updated: [], left: [], count: 500 }]);
});
