import { expect, it } from "vitest";
import { settled } from "../support/fake-world.ts";
import { comeBack, type Visit, visit } from "../support/test-client.ts";

const ME = { id: "me" };
const ANA = { id: "ana", user: "u-ana", data: { name: "Ana" } };
const BO = { id: "bo", data: { name: "Bo" } };

async function visitAnaAndBo(): Promise<Visit> {
  return visit({}, { members: [ME, ANA, BO], count: 3 });
}

it("[W4 M1] knows who is here from the welcome on", async () => {
  const made = await visitAnaAndBo();

  expect([...made.room.members]).toEqual([
    ["me", ME],
    ["ana", ANA],
    ["bo", BO],
  ]);
  expect(made.room.count).toBe(3);
  expect(made.told.presence).toEqual([{ joined: [ME, ANA, BO], updated: [], left: [], count: 3 }]);
});

it("[M1 M2] follows who comes, changes and goes", async () => {
  const made = await visitAnaAndBo();
  const cem = { id: "cem" };
  const anew = { ...ANA, data: { name: "Ana", away: true } };

  made.line.deliver(
    { type: "presence", roster: "r", joined: [cem], updated: [anew], count: 4 },
    { type: "presence", roster: "r", left: [{ id: "bo", reason: "timeout" }], count: 3 },
  );

  expect([...made.room.members.keys()]).toEqual(["me", "ana", "cem"]);
  expect(made.room.members.get("ana")).toEqual(anew);
  expect(made.told.presence.slice(1)).toEqual([
    { joined: [cem], updated: [anew], left: [], count: 4 },
    { joined: [], updated: [], left: [{ ...BO, reason: "timeout" }], count: 3 },
  ]);
});

it("[M1] one who leaves and comes again is a newcomer", async () => {
  const made = await visitAnaAndBo();

  made.line.deliver(
    { type: "presence", roster: "r", left: [{ id: "bo", reason: "left" }], count: 2 },
    { type: "presence", roster: "r", joined: [{ id: "bo" }], count: 3 },
  );

  expect(made.told.presence.at(-1)).toEqual({ joined: [{ id: "bo" }], updated: [], left: [], count: 3 });
  expect(made.room.members.get("bo")).toEqual({ id: "bo" });
});

it("[M1 G9] tells nothing of what it knew already", async () => {
  const made = await visitAnaAndBo();

  made.line.deliver({
    type: "presence",
    roster: "r",
    joined: [BO],
    updated: [ANA],
    left: [{ id: "who", reason: "left" }],
    count: 3,
  });

  expect(made.told.presence).toHaveLength(1);
});

it("[M1 G9] after a reconnect tells the difference, and nothing where there is none", async () => {
  const made = await visitAnaAndBo();
  const cem = { id: "cem" };

  await comeBack(made, { members: [ME, ANA, BO], count: 3 });
  expect(made.told.presence).toHaveLength(1);

  await comeBack(made, { members: [ME, { ...ANA, data: 1 }, cem], count: 3 });
  expect(made.told.presence.at(-1)).toEqual({
    joined: [cem],
    updated: [{ ...ANA, data: 1 }],
    left: [BO],
    count: 3,
  });
  expect([...made.room.members.keys()]).toEqual(["me", "ana", "cem"]);
});

it("[M3 W4] in the mode count knows how many, and nobody", async () => {
  const made = await visit({ mode: "count" }, { mode: "count", members: undefined, count: 2 } as never);
  expect(made.room.count).toBe(2);

  made.line.deliver(
    { type: "presence", roster: "r", mode: "count", count: 3 },
    { type: "presence", roster: "r", mode: "count", count: 3 },
  );

  expect(made.room.count).toBe(3);
  expect(made.room.members.size).toBe(0);
  expect(made.told.presence.map(({ count }) => count)).toEqual([2, 3]);
});

it("[A5] says what it is told to, and resolves at the ack", async () => {
  const made = await visit();

  const said = made.room.setPresence({ name: "Me" });
  await settled();
  const [ref = 0] = made.line.refs;
  made.line.deliver({ type: "ack", ref });

  expect(made.line.items).toEqual([{ type: "presence", ref, data: { name: "Me" } }]);
  expect(await said).toBeUndefined();
});

it("[A5 L1] of several in a row sends the newest, which answers for all", async () => {
  const made = await visit();

  const said = [1, 2, 3].map((data) => made.room.setPresence(data));
  await settled();
  expect(made.line.items.map(({ data }) => data)).toEqual([3]);
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });

  expect(await Promise.all(said)).toEqual([undefined, undefined, undefined]);
});

it("[A5 J7 J5] brings to every join what the room has last taken", async () => {
  const made = await visit({ presence: "first" });
  expect(made.line.target.presence).toBe('"first"');

  void made.room.setPresence("second");
  await settled();
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });
  await comeBack(made);
  expect(made.line.target.presence).toBe('"second"');
  expect(made.line.items).toEqual([]);
});

it("[A5] does not bring to a join what the room refused", async () => {
  const made = await visit({ presence: "small" });

  const said = made.room.setPresence("too large");
  await settled();
  const [ref = 0] = made.line.refs;
  made.line.deliver({ type: "error", ref, code: "presence_too_large", message: "too large" });
  await comeBack(made);

  await expect(said).rejects.toMatchObject({ code: "presence_too_large" });
  expect(made.line.target.presence).toBe('"small"');
});

it("[A5] sends again what was not answered", async () => {
  const made = await visit();
  const said = made.room.setPresence("new");
  await settled();

  await comeBack(made);
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });

  expect(await said).toBeUndefined();
});

it("[A5 J7] says after the welcome what is too long for a URL", async () => {
  const long = "ü".repeat(400);
  const made = await visit({ presence: long });

  expect(made.line.target.presence).toBeUndefined();
  expect(made.line.items).toMatchObject([{ type: "presence", data: long }]);

  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });
  await comeBack(made);
  expect(made.line.items).toMatchObject([{ type: "presence", data: long }]);
});

it("[A5] is not held up by a full outbox", async () => {
  const made = await visit({ maxPendingActs: 1 });
  void made.room.publish("chat", 1);

  void made.room.setPresence("new");
  await settled();

  expect(made.line.items).toMatchObject([{ type: "publish" }, { type: "presence", data: "new" }]);
});
