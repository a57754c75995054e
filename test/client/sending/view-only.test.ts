import { expect, it } from "vitest";
import { settled } from "../support/fake-world.ts";
import { visit } from "../support/test-client.ts";

it("[J10] a client that only watches is not a member, sends no presence data, and receives what others do", async () => {
  const made = await visit(
    { view: true, presence: { name: "Me" } },
    { viewOnly: true, members: [{ id: "ana" }], count: 1 },
  );

  expect(made.line.target).toMatchObject({ view: true, presence: undefined });
  expect(made.told.welcome).toMatchObject([{ viewOnly: true }]);
  expect([...made.room.members.keys()]).toEqual(["ana"]);
});

it("[J10] the acts of a client that only watches are rejected before they are sent", async () => {
  const made = await visit({ view: true }, { viewOnly: true });

  for (const act of [
    made.room.publish("chat", 1),
    made.room.set({ votes: 1 }),
    made.room.setPresence({ name: "Me" }),
  ]) {
    await expect(act).rejects.toMatchObject({ code: "view_only" });
  }
  made.room.send("cursor", 1);
  await settled();

  expect(made.told.error).toMatchObject([{ code: "view_only" }]);
  expect(made.line.items).toEqual([]);
  made.room.close();
  await expect(made.room.publish("chat", 1)).rejects.toMatchObject({ code: "closed" });
});
