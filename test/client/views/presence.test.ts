import { expect, it } from "vitest";
import { settled } from "../support/fake-world.ts";
import { reconnect, type TestClient, joined } from "../support/test-client.ts";

const ME = { id: "me" };
const ANA = { id: "ana", user: "u-ana", data: { name: "Ana" } };
const BO = { id: "bo", data: { name: "Bo" } };

async function visitAnaAndBo(): Promise<TestClient> {
  return joined({}, { members: [ME, ANA, BO], count: 3 });
}

it("[W4 M1] the members are known from the welcome on", async () => {
  const client = await visitAnaAndBo();

  expect([...client.room.members]).toEqual([
    ["me", ME],
    ["ana", ANA],
    ["bo", BO],
  ]);
  expect(client.room.count).toBe(3);
  expect(client.emitted.presence).toEqual([{ joined: [ME, ANA, BO], updated: [], left: [], count: 3 }]);
});

it("[M1 M2] the members follow every join, change and leave", async () => {
  const client = await visitAnaAndBo();
  const cem = { id: "cem" };
  const anew = { ...ANA, data: { name: "Ana", away: true } };

  client.transport.deliver(
    { type: "presence", roster: "r", joined: [cem], updated: [anew], count: 4 },
    { type: "presence", roster: "r", left: [{ id: "bo", reason: "timeout" }], count: 3 },
  );

  expect([...client.room.members.keys()]).toEqual(["me", "ana", "cem"]);
  expect(client.room.members.get("ana")).toEqual(anew);
  expect(client.emitted.presence.slice(1)).toEqual([
    { joined: [cem], updated: [anew], left: [], count: 4 },
    { joined: [], updated: [], left: [{ ...BO, reason: "timeout" }], count: 3 },
  ]);
});

it("[M1] a member that leaves and joins again is reported as joined", async () => {
  const client = await visitAnaAndBo();

  client.transport.deliver(
    { type: "presence", roster: "r", left: [{ id: "bo", reason: "left" }], count: 2 },
    { type: "presence", roster: "r", joined: [{ id: "bo" }], count: 3 },
  );

  expect(client.emitted.presence.at(-1)).toEqual({ joined: [{ id: "bo" }], updated: [], left: [], count: 3 });
  expect(client.room.members.get("bo")).toEqual({ id: "bo" });
});

it("[M1 G9] known members are not reported again", async () => {
  const client = await visitAnaAndBo();

  client.transport.deliver({
    type: "presence",
    roster: "r",
    joined: [BO],
    updated: [ANA],
    left: [{ id: "who", reason: "left" }],
    count: 3,
  });

  expect(client.emitted.presence).toHaveLength(1);
});

it("[M1 G9] after a reconnect the difference in members is emitted, and nothing if there is none", async () => {
  const client = await visitAnaAndBo();
  const cem = { id: "cem" };

  await reconnect(client, { members: [ME, ANA, BO], count: 3 });
  expect(client.emitted.presence).toHaveLength(1);

  await reconnect(client, { members: [ME, { ...ANA, data: 1 }, cem], count: 3 });
  expect(client.emitted.presence.at(-1)).toEqual({
    joined: [cem],
    updated: [{ ...ANA, data: 1 }],
    left: [BO],
    count: 3,
  });
  expect([...client.room.members.keys()]).toEqual(["me", "ana", "cem"]);
});

it("[M3 W4] in the mode count only the number of members is known", async () => {
  const client = await joined({ mode: "count" }, { mode: "count", members: undefined, count: 2 } as never);
  expect(client.room.count).toBe(2);

  client.transport.deliver(
    { type: "presence", roster: "r", mode: "count", count: 3 },
    { type: "presence", roster: "r", mode: "count", count: 3 },
  );

  expect(client.room.count).toBe(3);
  expect(client.room.members.size).toBe(0);
  expect(client.emitted.presence.map(({ count }) => count)).toEqual([2, 3]);
});

it("[A5] setPresence sends the data, and resolves at the ack", async () => {
  const client = await joined();

  const done = client.room.setPresence({ name: "Me" });
  await settled();
  const [ref = 0] = client.transport.refs;
  client.transport.deliver({ type: "ack", ref });

  expect(client.transport.items).toEqual([{ type: "presence", ref, data: { name: "Me" } }]);
  expect(await done).toBeUndefined();
});

it("[A5 L1] of several calls of setPresence in a row the newest data is sent, and its reply settles all", async () => {
  const client = await joined();

  const done = [1, 2, 3].map((data) => client.room.setPresence(data));
  await settled();
  expect(client.transport.items.map(({ data }) => data)).toEqual([3]);
  client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });

  expect(await Promise.all(done)).toEqual([undefined, undefined, undefined]);
});

it("[A5 J7 J5] every join has the presence data that the room accepted last", async () => {
  const client = await joined({ presence: "first" });
  expect(client.transport.target.presence).toBe('"first"');

  void client.room.setPresence("second");
  await settled();
  client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });
  await reconnect(client);
  expect(client.transport.target.presence).toBe('"second"');
  expect(client.transport.items).toEqual([]);
});

it("[A5] a join does not have presence data that the room rejected", async () => {
  const client = await joined({ presence: "small" });

  const done = client.room.setPresence("too large");
  await settled();
  const [ref = 0] = client.transport.refs;
  client.transport.deliver({ type: "error", ref, code: "presence_too_large", message: "too large" });
  await reconnect(client);

  await expect(done).rejects.toMatchObject({ code: "presence_too_large" });
  expect(client.transport.target.presence).toBe('"small"');
});

it("[A5] presence data without a reply is sent again", async () => {
  const client = await joined();
  const done = client.room.setPresence("new");
  await settled();

  await reconnect(client);
  client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });

  expect(await done).toBeUndefined();
});

it("[A5 J7] presence data too long for a URL is sent after the welcome", async () => {
  const long = "ü".repeat(400);
  const client = await joined({ presence: long });

  expect(client.transport.target.presence).toBeUndefined();
  expect(client.transport.items).toMatchObject([{ type: "presence", data: long }]);

  client.transport.deliver({ type: "ack", ref: client.transport.refs[0] ?? 0 });
  await reconnect(client);
  expect(client.transport.items).toMatchObject([{ type: "presence", data: long }]);
});

it("[A5] setPresence works when maxPendingActs acts are waiting", async () => {
  const client = await joined({ maxPendingActs: 1 });
  void client.room.publish("chat", 1);

  void client.room.setPresence("new");
  await settled();

  expect(client.transport.items).toMatchObject([{ type: "publish" }, { type: "presence", data: "new" }]);
});
