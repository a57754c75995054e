import { expect, it } from "vitest";
import type { WelcomeFrame } from "../../../src/protocol/frames.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

const ME = { id: "me" };
const ANA = { id: "ana", data: { name: "Ana" } };
const BO = { id: "bo" };
const CEM = { id: "cem" };

/** A welcome without a list. */
const NO_LIST = { members: undefined } as unknown as Partial<WelcomeFrame>;

function visitAnaAndBo(): Promise<Visit> {
  return visit({}, { roster: "r1", members: [ME, ANA, BO], count: 3 });
}

function idsOf(made: Visit): string[] {
  return [...made.room.members.keys()];
}

it("[M5 J7] a client reconnects with the revision of its list, and keeps the list if it is current", async () => {
  const made = await visitAnaAndBo();
  expect(made.dialled[0]?.target.roster).toBeUndefined();
  made.line.deliver({ type: "presence", roster: "r2", joined: [CEM], count: 4 });

  await comeBack(made, { ...NO_LIST, roster: "r2", count: 4 });

  expect(made.line.target.roster).toBe("r2");
  expect(idsOf(made)).toEqual(["me", "ana", "bo", "cem"]);
  expect(made.told.presence).toHaveLength(2);
});

it("[M5] a client reconnects with the revision of its last welcome", async () => {
  const made = await visitAnaAndBo();
  await comeBack(made, { roster: "r5", members: [ME, ANA], count: 2 });

  await comeBack(made, { ...NO_LIST, roster: "r5", count: 2 });

  expect(made.dialled.map(({ target }) => target.roster)).toEqual([undefined, "r1", "r5"]);
  expect(idsOf(made)).toEqual(["me", "ana"]);
});

it("[M5 L5] a whole list replaces the known one, and the difference is emitted", async () => {
  const made = await visitAnaAndBo();
  const anew = { ...ANA, data: { name: "Ana", away: true } };

  made.line.deliver({ type: "presence", mode: "list", roster: "r9", members: [ME, anew, CEM], count: 3 });

  expect(made.told.presence.slice(1)).toEqual([{ joined: [CEM], updated: [anew], left: [BO], count: 3 }]);
  expect(idsOf(made)).toEqual(["me", "ana", "cem"]);

  made.line.deliver({ type: "presence", mode: "list", roster: "r9", members: [ME, anew, CEM], count: 3 });
  expect(made.told.presence).toHaveLength(2);
});

it("[M6] when the mode becomes count the list is empty, and no member is reported as left", async () => {
  const made = await visitAnaAndBo();
  const members = made.room.members;
  expect(made.room.mode).toBe("list");

  made.line.deliver({ type: "presence", mode: "count", roster: "r2", count: 201 });
  expect(made.room.mode).toBe("count");
  expect(members.size).toBe(0);
  expect(made.room.count).toBe(201);
  made.line.deliver({ type: "presence", mode: "count", roster: "r3", count: 202 });

  expect(made.told.presence.slice(1)).toEqual([
    { joined: [], updated: [], left: [], count: 201 },
    { joined: [], updated: [], left: [], count: 202 },
  ]);
});

it("[M6 G9] when the mode becomes list again, members that joined or left meanwhile are reported once", async () => {
  const made = await visitAnaAndBo();
  made.line.deliver({ type: "presence", mode: "count", roster: "r2", count: 201 });

  made.line.deliver({ type: "presence", mode: "list", roster: "r3", members: [ME, ANA, CEM], count: 3 });

  expect(made.room.mode).toBe("list");
  expect(idsOf(made)).toEqual(["me", "ana", "cem"]);
  expect(made.told.presence.at(-1)).toEqual({ joined: [CEM], updated: [], left: [BO], count: 3 });

  made.line.deliver({ type: "presence", roster: "r4", left: [{ id: "ana", reason: "left" }], count: 2 });
  expect(made.told.presence.at(-1)).toMatchObject({ left: [{ ...ANA, reason: "left" }] });
});

it("[M6] the change back to the mode list is emitted even if no member joined or left", async () => {
  const made = await visitAnaAndBo();
  made.line.deliver({ type: "presence", mode: "count", roster: "r2", count: 3 });

  made.line.deliver({ type: "presence", mode: "list", roster: "r3", members: [ME, ANA, BO], count: 3 });

  expect(made.told.presence.at(-1)).toEqual({ joined: [], updated: [], left: [], count: 3 });
});

it("[M6 M5] a mode that changed during an outage reports no member as left, and the client reconnects without a revision in the mode count", async () => {
  const made = await visitAnaAndBo();

  await comeBack(made, { ...NO_LIST, mode: "count", roster: "r2", count: 300 });
  expect(made.room.mode).toBe("count");
  expect(idsOf(made)).toEqual([]);
  await comeBack(made, { roster: "r3", members: [ME, ANA], count: 2 });

  expect(made.dialled.map(({ target }) => target.roster)).toEqual([undefined, "r1", undefined]);
  expect(made.told.presence.slice(1)).toEqual([
    { joined: [], updated: [], left: [], count: 300 },
    { joined: [], updated: [], left: [BO], count: 2 },
  ]);
});

it("[M6 W4] the mode is first the requested one, and then the one in the welcome", async () => {
  const asked = new Visit({ mode: "count" });
  expect(asked.room.mode).toBe("count");
  asked.room.close();

  const made = await visit({}, { ...NO_LIST, mode: "count", count: 500 });
  expect(made.room.mode).toBe("count");
  expect(made.told.presence).toEqual([{ joined: [], updated: [], left: [], count: 500 }]);
});
