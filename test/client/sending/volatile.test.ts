import { expect, it } from "vitest";
import { LIMITS } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, TestClient, joined } from "../support/test-client.ts";

/** Limits so low that a test can count every message. */
const SLOW = { limits: { ...LIMITS, messagesPerSecond: 10, messagesBurst: 10 } };

function dataOf(client: TestClient): unknown[] {
  return client.transport.items.map(({ data }) => data);
}

it("[A4 G8] a volatile message has no ref, and has the key of messages that may replace each other", async () => {
  const client = await joined();

  client.room.send("cursor", { x: 1 }, { key: "left" });
  client.room.send("wave", undefined);
  await settled();

  expect(client.transport.items).toEqual([
    { type: "publish", event: "cursor", volatile: true, key: "left", data: { x: 1 } },
    { type: "publish", event: "wave", volatile: true, data: null },
  ]);
});

it("[A4 A7] a volatile message may have addressees, and replaces only messages with the same ones", async () => {
  const client = await joined({}, SLOW);
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();

  for (const [data, to] of [
    [1, ["ana"]],
    [2, ["bo"]],
    [3, ["ana"]],
    [4, undefined],
  ] as const) {
    client.room.send("aim", data, { to });
  }
  await client.world.pass(400);

  expect(client.transport.items.slice(8)).toEqual([
    { type: "publish", event: "aim", volatile: true, to: ["ana"], data: 3 },
    { type: "publish", event: "aim", volatile: true, to: ["bo"], data: 2 },
    { type: "publish", event: "aim", volatile: true, data: 4 },
  ]);
});

it("[A4 G8] every volatile message is sent while the client can send at once", async () => {
  const client = await joined();

  for (let index = 0; index < 20; index++) client.room.send("cursor", index);
  await settled();

  expect(dataOf(client)).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

it("[A4 L1 G8] a client keeps within the room's limits, and of waiting volatile messages only the newest by event and key", async () => {
  const client = await joined({}, SLOW);

  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();
  expect(client.transport.items).toHaveLength(8); // four fifths of the burst

  for (let index = 0; index < 100; index++) {
    client.room.send("cursor", index, { key: "left" });
    client.room.send("cursor", -index, { key: "right" });
    client.room.send("wave", `wave ${index}`);
  }
  await client.world.pass(300);

  expect(dataOf(client).slice(8)).toEqual([99, -99, "wave 99"]);
});

it("[L1] in no second a client sends more than the limits allow, however much is waiting", async () => {
  const client = await joined({}, SLOW);

  for (let tick = 0; tick < 500; tick++) {
    client.room.send("cursor", tick);
    client.room.send("aim", tick);
    await client.world.pass(10);
  }

  // Eight at once, and ten a second for five seconds.
  expect(client.transport.items.length).toBeGreaterThanOrEqual(56);
  expect(client.transport.items.length).toBeLessThanOrEqual(58);
});

it("[L1] a client keeps within the limit of bytes as well", async () => {
  const client = await joined({}, { limits: { ...LIMITS, bytesPerSecond: 1_000, bytesBurst: 2_000 } });

  for (let tick = 0; tick < 400; tick++) {
    client.room.send("cursor", "x".repeat(400));
    await client.world.pass(10);
  }

  const bytes = client.transport.frames.reduce((sum, items) => sum + JSON.stringify(items).length - 2, 0);
  expect(bytes).toBeGreaterThan(4_500);
  expect(bytes).toBeLessThanOrEqual(1_600 + 4_000);
});

it("[A4 L1] a busy key does not delay other keys for ever", async () => {
  const client = await joined({}, SLOW);
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();

  client.room.send("a", 0);
  client.room.send("b", 0);
  for (let tick = 1; tick <= 40; tick++) {
    await client.world.pass(10);
    client.room.send("a", tick);
  }

  const events = client.transport.items.slice(8).map(({ event }) => event);
  expect(events.slice(0, 2)).toEqual(["a", "b"]);
});

it("[A2 A4] acts are sent before volatile messages", async () => {
  const client = await joined({}, SLOW);
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();

  client.room.send("cursor", 1);
  void client.room.publish("chat", "recorded");
  await client.world.pass(200);

  expect(client.transport.items.slice(8).map(({ event }) => event)).toEqual(["chat", "cursor"]);
});

it("[A4] a volatile message is dropped without a connection, and when the connection ends", async () => {
  const client = new TestClient();
  client.room.send("early", 1);
  await settled();
  client.transport.welcome(SLOW);
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  client.room.send("waiting", 1);
  await settled();
  const before = client.transport;

  await reconnect(client, SLOW);
  await client.world.pass(1_000);

  expect(before.items.map(({ event }) => event)).toEqual(Array.from({ length: 8 }, () => "filler"));
  expect(client.transport.items).toEqual([]);
});

it("[A4 S1] a volatile message waits while the transport is busy, and is sent when it is ready", async () => {
  const client = await joined({ transports: ["sse"] });
  client.transport.isBusy = true;

  for (let index = 0; index < 10; index++) {
    client.room.send("cursor", index);
    await client.world.pass(20);
  }
  expect(client.transport.frames).toEqual([]);
  client.transport.ready();

  expect(dataOf(client)).toEqual([9]);
});

it("[A4] at most 256 volatile messages wait", async () => {
  const client = await joined();
  client.transport.isBusy = true;

  for (let index = 0; index < 300; index++) client.room.send("event", index, { key: `key ${index}` });
  await client.world.pass(100);
  client.transport.isBusy = false;
  await client.world.pass(5_000);

  expect(dataOf(client)).toEqual(Array.from({ length: 256 }, (_, index) => index + 44));
});

it("[A4] of many volatile messages in one task, replaced ones are dropped before the oldest", async () => {
  const client = await joined();

  client.room.send("rare", 0);
  for (let index = 0; index < 300; index++) client.room.send("busy", index);
  await settled();

  expect(client.transport.items.map(({ event, data }) => [event, data])).toEqual([
    ["rare", 0],
    ["busy", 299],
  ]);
});

it("[L1 L2] a rejection of volatile messages is emitted, and delays the others", async () => {
  const client = await joined();
  client.room.send("cursor", 1);
  await settled();

  client.transport.deliver({ type: "error", code: "rate_limited", message: "spent", retryAfterMs: 500 });
  client.room.send("cursor", 2);
  client.room.send("cursor", 3);
  await client.world.pass(500);
  expect(dataOf(client)).toEqual([1]);
  await client.world.pass(100);

  expect(dataOf(client)).toEqual([1, 3]);
  expect(client.emitted.error).toMatchObject([{ code: "rate_limited", retryAfterMs: 500 }]);
});

it("[L1] a reconnect does not refill the rate limit", async () => {
  const client = await joined({}, SLOW);
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();

  client.transport.end();
  client.world.signals?.wake();
  await settled();
  client.transport.welcome({ ...SLOW, recovered: true });
  for (let index = 0; index < 8; index++) client.room.send("filler", index);
  await settled();

  expect(client.transport.items).toEqual([]);
});
