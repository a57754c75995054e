import { expect, it } from "vitest";
import { at, messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

it("[P3] the position moves with every welcome, recorded message and position frame", async () => {
  const client = await joined({}, { position: at(3), head: at(9) });
  expect(client.room.position).toBe(at(3));

  client.transport.deliver(messageFrame(4));
  expect(client.room.position).toBe(at(4));

  client.transport.deliver(messageFrame(undefined));
  expect(client.room.position).toBe(at(4));

  client.transport.deliver({ type: "position", position: at(9), reason: "replayed" });
  expect(client.room.position).toBe(at(9));
});

it("[P3 S1] over SSE the position moves with every id", async () => {
  const client = await joined({ transports: ["sse"] });

  client.transport.deliverEvent(at(7), { type: "presence", roster: "r", count: 1 });

  expect(client.room.position).toBe(at(7));
});

it("[P3] after a position frame of another log, offsets start anew", async () => {
  const client = await joined({}, { position: at(40) });

  client.transport.deliver({ type: "position", position: "other:0", reason: "replayed" }, messageFrame(1));

  expect(client.offsets).toEqual([1]);
  expect(client.room.position).toBe("other:1");
});

it("[S6] an id that is not a position is ignored", async () => {
  const client = await joined({ transports: ["sse"] }, { position: at(2) });

  client.transport.deliverEvent("~closed", { type: "presence", roster: "r", count: 2 });

  expect(client.room.position).toBe(at(2));
});

it("[G4] inside a listener the position includes the message", async () => {
  const client = await joined();
  const saved: unknown[] = [];
  client.room.on("message", () => saved.push(client.room.position));

  client.transport.deliver(messageFrame(1), messageFrame(2));

  expect(saved).toEqual([at(1), at(2)]);
});

it("[G4 P4] each message is delivered once, whatever a replay repeats", async () => {
  const client = await joined();
  client.transport.deliver(messageFrame(1), messageFrame(2));

  await reconnect(client, { position: at(2), head: at(3) });
  client.transport.deliver(messageFrame(1), messageFrame(2), messageFrame(3), messageFrame(3));

  expect(client.offsets).toEqual([1, 2, 3]);
});

it("[G4] a client that received no message before an outage reconnects with the position of its welcome", async () => {
  const client = await joined({}, { position: at(0) });

  await reconnect(client, { position: at(0), head: at(1) });
  client.transport.deliver(messageFrame(1));

  expect(client.transport.target.after).toBe(at(0));
  expect(client.offsets).toEqual([1]);
});

it("[G4] after an outage during a replay the client resumes from its position", async () => {
  const client = await joined({ rewind: 3 }, { position: at(7), head: at(10) });
  client.transport.deliver(messageFrame(8));

  await reconnect(client, { position: at(8), head: at(10) });
  client.transport.deliver(messageFrame(9), messageFrame(10));

  expect(client.transport.target).toMatchObject({ after: at(8) });
  expect(client.offsets).toEqual([8, 9, 10]);
});

it("[G4 W3 P5] a client is notified if missed messages are not available, and continues from the head", async () => {
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

it("[W3] the welcome of a first join without a position has no recovered", async () => {
  const client = await joined();

  expect(client.emitted.welcome[0]?.recovered).toBeUndefined();
});

it("[J6 P5] a saved position is sent unchanged, and the server judges it", async () => {
  const client = new TestClient({ position: "no position" });
  await settled();
  expect(client.transport.target.after).toBe("no position");
  expect(client.room.position).toBe("no position");

  client.transport.welcome({ recovered: false, reason: "malformed", position: at(5) });

  expect(client.room.position).toBe(at(5));
});

it("[J6] a client that has received no welcome requests the newest messages again", async () => {
  const client = new TestClient({ rewind: 5 });
  await settled();

  client.transport.end();
  await client.nextDial();

  expect(client.transport.target).toMatchObject({ after: undefined, rewind: 5 });
});

it("[F2] frames of an unknown type are ignored", async () => {
  const client = await joined();

  client.transport.deliver(JSON.parse('{"type":"weather","sun":1}') as never, messageFrame(1));

  expect(client.offsets).toEqual([1]);
  expect(client.emitted.error).toEqual([]);
});

it("[A4] a client's own recorded messages are emitted, and its own volatile ones are not", async () => {
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
