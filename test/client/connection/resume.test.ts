import { expect, it } from "vitest";
import { at, messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

it("[P3] its position moves with every welcome, recorded message and position frame", async () => {
  const client = await joined({}, { position: at(3), head: at(9) });
  expect(client.room.position).toBe(at(3));

  client.transport.deliver(messageFrame(4));
  expect(client.room.position).toBe(at(4));

  client.transport.deliver(messageFrame(undefined));
  expect(client.room.position).toBe(at(4));

  client.transport.deliver({ type: "position", position: at(9), reason: "replayed" });
  expect(client.room.position).toBe(at(9));
});

it("[P3 S1] over SSE its position moves with every id", async () => {
  const client = await joined({ transports: ["sse"] });

  client.transport.deliverEvent(at(7), { type: "presence", roster: "r", count: 1 });

  expect(client.room.position).toBe(at(7));
});

it("[P3] a position frame of another log is followed, and its offsets begin anew", async () => {
  const client = await joined({}, { position: at(40) });

  client.transport.deliver({ type: "position", position: "other:0", reason: "replayed" }, messageFrame(1));

  expect(client.offsets).toEqual([1]);
  expect(client.room.position).toBe("other:1");
});

it("[S6] an id that is no position is passed over", async () => {
  const client = await joined({ transports: ["sse"] }, { position: at(2) });

  client.transport.deliverEvent("~closed", { type: "presence", roster: "r", count: 2 });

  expect(client.room.position).toBe(at(2));
});

it("[G4] inside a listener the position stands behind the message", async () => {
  const client = await joined();
  const saved: unknown[] = [];
  client.room.on("message", () => saved.push(client.room.position));

  client.transport.deliver(messageFrame(1), messageFrame(2));

  expect(saved).toEqual([at(1), at(2)]);
});

it("[G4 P4] tells nothing twice, whatever a replay repeats", async () => {
  const client = await joined();
  client.transport.deliver(messageFrame(1), messageFrame(2));

  await reconnect(client, { position: at(2), head: at(3) });
  client.transport.deliver(messageFrame(1), messageFrame(2), messageFrame(3), messageFrame(3));

  expect(client.offsets).toEqual([1, 2, 3]);
});

it("[G4] a client that saw no message before it dropped comes back with its welcome's position", async () => {
  const client = await joined({}, { position: at(0) });

  await reconnect(client, { position: at(0), head: at(1) });
  client.transport.deliver(messageFrame(1));

  expect(client.transport.target.after).toBe(at(0));
  expect(client.offsets).toEqual([1]);
});

it("[G4] a connection that broke within its replay goes on where it stood", async () => {
  const client = await joined({ rewind: 3 }, { position: at(7), head: at(10) });
  client.transport.deliver(messageFrame(8));

  await reconnect(client, { position: at(8), head: at(10) });
  client.transport.deliver(messageFrame(9), messageFrame(10));

  expect(client.transport.target).toMatchObject({ after: at(8) });
  expect(client.offsets).toEqual([8, 9, 10]);
});

it("[G4 W3 P5] is told when what it missed cannot be had, and goes on from the head", async () => {
  const client = await joined({}, { position: at(500) });

  await reconnect(client, { recovered: false, reason: "epoch", position: "other:3", head: "other:3" });
  client.transport.deliver(messageFrame(4));

  expect(client.emitted.welcome.at(-1)).toMatchObject({
    recovered: false,
    reason: "epoch",
    position: "other:3",
  });
  expect(client.offsets).toEqual([4]);
  expect(client.room.position).toBe("other:4");
});

it("[W3] a first join without a position has nothing to recover", async () => {
  const client = await joined();

  expect(client.emitted.welcome[0]?.recovered).toBeUndefined();
});

it("[J6 P5] brings a saved position as it is, for the server to judge", async () => {
  const client = new TestClient({ position: "no position" });
  await settled();
  expect(client.transport.target.after).toBe("no position");
  expect(client.room.position).toBe("no position");

  client.transport.welcome({ recovered: false, reason: "malformed", position: at(5) });

  expect(client.room.position).toBe(at(5));
});

it("[J6] asks for the newest messages again when it was never welcomed", async () => {
  const client = new TestClient({ rewind: 5 });
  await settled();

  client.transport.end();
  await client.nextDial();

  expect(client.transport.target).toMatchObject({ after: undefined, rewind: 5 });
});

it("[F2] passes over frames of a type it does not know", async () => {
  const client = await joined();

  client.transport.deliver(JSON.parse('{"type":"weather","sun":1}') as never, messageFrame(1));

  expect(client.offsets).toEqual([1]);
  expect(client.emitted.error).toEqual([]);
});

it("[A4] leaves out its own volatile messages, and tells its own recorded ones", async () => {
  const client = await joined();

  client.transport.deliver(
    messageFrame(undefined, "me"),
    messageFrame(1, "me"),
    messageFrame(undefined, "ana"),
  );

  expect(client.emitted.message.map(({ from, offset }) => [from, offset])).toEqual([
    ["me", 1],
    ["ana", undefined],
  ]);
});
