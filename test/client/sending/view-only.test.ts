import { expect, it } from "vitest";
import { settled } from "../support/fake-world.ts";
import { joined } from "../support/test-client.ts";

it("[J10] a client that only watches is not a member, sends no presence data, and receives what others do", async () => {
  const client = await joined(
    { view: true, presence: { name: "Me" } },
    { viewOnly: true, members: [{ id: "ana" }], count: 1 },
  );

  expect(client.transport.target).toMatchObject({ view: true, presence: undefined });
  expect(client.emitted.welcome).toMatchObject([{ viewOnly: true }]);
  expect([...client.room.members.keys()]).toEqual(["ana"]);
});

it("[J10] the acts of a client that only watches are rejected before they are sent", async () => {
  const client = await joined({ view: true }, { viewOnly: true });

  for (const act of [
    client.room.publish("chat", 1),
    client.room.shared.set({ votes: 1 }),
    client.room.setPresence({ name: "Me" }),
  ]) {
    await expect(act).rejects.toMatchObject({ code: "view_only" });
  }
  client.room.send("cursor", 1);
  await settled();

  expect(client.emitted.error).toMatchObject([{ code: "view_only" }]);
  expect(client.transport.items).toEqual([]);
  client.room.close();
  await expect(client.room.publish("chat", 1)).rejects.toMatchObject({ code: "closed" });
});
