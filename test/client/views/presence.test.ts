import { expect, it } from "vitest";
import { settled } from "../support/fake-world.ts";
import { comeBack, type Visit, visit } from "../support/test-client.ts";

const ME = { id: "me" };
const ANA = { id: "ana", user: "u-ana", data: { name: "Ana" } };
const BO = { id: "bo", data: { name: "Bo" } };

async function visitAnaAndBo(): Promise<Visit> {
  return visit({}, { members: [ME, ANA, BO], count: 3 });
}

it("[W4 M1] the members are known from the welcome on", async () => {
  const made = await visitAnaAndBo();

  expect([...made.room.members]).toEqual([
    ["me", ME],
    ["ana", ANA],
    ["bo", BO],
  ]);
  expect(made.room.count).toBe(3);
  expect(made.told.presence).toEqual([{ joined: [ME, ANA, BO], updated: [], left: [], count: 3 }]);
});

it("[M1 M2] the members follow every join, change and leave", async () => {
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

it("[M1] a member that leaves and joins again is reported as joined", async () => {
  const made = await visitAnaAndBo();

  made.line.deliver(
    { type: "presence", roster: "r", left: [{ id: "bo", reason: "left" }], count: 2 },
    { type: "presence", roster: "r", joined: [{ id: "bo" }], count: 3 },
  );

  expect(made.told.presence.at(-1)).toEqual({ joined: [{ id: "bo" }], updated: [], left: [], count: 3 });
  expect(made.room.members.get("bo")).toEqual({ id: "bo" });
});

it("[M1 G9] known members are not reported again", async () => {
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

it("[M1 G9] after a reconnect the difference in members is emitted, and nothing if there is none", async () => {
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

it("[M3 W4] in the mode count only the number of members is known", async () => {
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

it("[A5] setPresence sends the data, and resolves at the ack", async () => {
  const made = await visit();

  const update = made.room.setPresence({ name: "Me" });
  await settled();
  const [ref = 0] = made.line.refs;
  made.line.deliver({ type: "ack", ref });

  expect(made.line.items).toEqual([{ type: "presence", ref, data: { name: "Me" } }]);
  expect(await update).toBeUndefined();
});

it("[A5 L1] of several calls of setPresence in a row the newest data is sent, and its reply settles all", async () => {
  const made = await visit();

  const updates = [1, 2, 3].map((data) => made.room.setPresence(data));
  await settled();
  expect(made.line.items.map(({ data }) => data)).toEqual([3]);
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });

  expect(await Promise.all(updates)).toEqual([undefined, undefined, undefined]);
});

it("[A5 J7 J5] every join has the presence data that the room accepted last", async () => {
  const made = await visit({ presence: "first" });
  expect(made.line.target.presence).toBe('"first"');

  void made.room.setPresence("second");
  await settled();
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });
  await comeBack(made);
  expect(made.line.target.presence).toBe('"second"');
  expect(made.line.items).toEqual([]);
});

it("[A5] a join does not have presence data that the room rejected", async () => {
  const made = await visit({ presence: "small" });

  const update = made.room.setPresence("too large");
  await settled();
  const [ref = 0] = made.line.refs;
  made.line.deliver({ type: "error", ref, code: "presence_too_large", message: "too large" });
  await comeBack(made);

  await expect(update).rejects.toMatchObject({ code: "presence_too_large" });
  expect(made.line.target.presence).toBe('"small"');
});

it("[A5] presence data without a reply is sent again", async () => {
  const made = await visit();
  const update = made.room.setPresence("new");
  await settled();

  await comeBack(made);
  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });

  expect(await update).toBeUndefined();
});

it("[A5 J7] presence data too long for a URL is sent after the welcome", async () => {
  const long = "ü".repeat(400);
  const made = await visit({ presence: long });

  expect(made.line.target.presence).toBeUndefined();
  expect(made.line.items).toMatchObject([{ type: "presence", data: long }]);

  made.line.deliver({ type: "ack", ref: made.line.refs[0] ?? 0 });
  await comeBack(made);
  expect(made.line.items).toMatchObject([{ type: "presence", data: long }]);
});

it("[A5] setPresence works when maxPendingActs acts are waiting", async () => {
  const made = await visit({ maxPendingActs: 1 });
  void made.room.publish("chat", 1);

  void made.room.setPresence("new");
  await settled();

  expect(made.line.items).toMatchObject([{ type: "publish" }, { type: "presence", data: "new" }]);
});
