import { expect, it } from "vitest";
import { LIMITS } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { comeBack, Visit, visit } from "../support/test-client.ts";

/** Limits so low that a test can count every message. */
const SLOW = { limits: { ...LIMITS, messagesPerSecond: 10, messagesBurst: 10 } };

function dataOf(made: Visit): unknown[] {
  return made.line.items.map(({ data }) => data);
}

it("[A4 G8] a volatile message has no ref, and has the key of messages that may replace each other", async () => {
  const made = await visit();

  made.room.send("cursor", { x: 1 }, { key: "left" });
  made.room.send("wave", undefined);
  await settled();

  expect(made.line.items).toEqual([
    { type: "publish", event: "cursor", volatile: true, key: "left", data: { x: 1 } },
    { type: "publish", event: "wave", volatile: true, data: null },
  ]);
});

it("[A4 A7] a volatile message may have addressees, and replaces only messages with the same ones", async () => {
  const made = await visit({}, SLOW);
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();

  for (const [data, to] of [
    [1, ["ana"]],
    [2, ["bo"]],
    [3, ["ana"]],
    [4, undefined],
  ] as const) {
    made.room.send("aim", data, { to });
  }
  await made.world.pass(400);

  expect(made.line.items.slice(8)).toEqual([
    { type: "publish", event: "aim", volatile: true, to: ["ana"], data: 3 },
    { type: "publish", event: "aim", volatile: true, to: ["bo"], data: 2 },
    { type: "publish", event: "aim", volatile: true, data: 4 },
  ]);
});

it("[A4 G8] every volatile message is sent while the client can send at once", async () => {
  const made = await visit();

  for (let index = 0; index < 20; index++) made.room.send("cursor", index);
  await settled();

  expect(dataOf(made)).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

it("[A4 L1 G8] a client keeps within the room's limits, and of waiting volatile messages only the newest by event and key", async () => {
  const made = await visit({}, SLOW);

  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();
  expect(made.line.items).toHaveLength(8); // four fifths of the burst

  for (let index = 0; index < 100; index++) {
    made.room.send("cursor", index, { key: "left" });
    made.room.send("cursor", -index, { key: "right" });
    made.room.send("wave", `wave ${index}`);
  }
  await made.world.pass(300);

  expect(dataOf(made).slice(8)).toEqual([99, -99, "wave 99"]);
});

it("[L1] in no second a client sends more than the limits allow, however much is waiting", async () => {
  const made = await visit({}, SLOW);

  for (let tick = 0; tick < 500; tick++) {
    made.room.send("cursor", tick);
    made.room.send("aim", tick);
    await made.world.pass(10);
  }

  // Eight at once, and ten a second for five seconds.
  expect(made.line.items.length).toBeGreaterThanOrEqual(56);
  expect(made.line.items.length).toBeLessThanOrEqual(58);
});

it("[L1] a client keeps within the limit of bytes as well", async () => {
  const made = await visit({}, { limits: { ...LIMITS, bytesPerSecond: 1_000, bytesBurst: 2_000 } });

  for (let tick = 0; tick < 400; tick++) {
    made.room.send("cursor", "x".repeat(400));
    await made.world.pass(10);
  }

  const bytes = made.line.frames.reduce((sum, items) => sum + JSON.stringify(items).length - 2, 0);
  expect(bytes).toBeGreaterThan(4_500);
  expect(bytes).toBeLessThanOrEqual(1_600 + 4_000);
});

it("[A4 L1] a busy key does not delay other keys for ever", async () => {
  const made = await visit({}, SLOW);
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();

  made.room.send("a", 0);
  made.room.send("b", 0);
  for (let tick = 1; tick <= 40; tick++) {
    await made.world.pass(10);
    made.room.send("a", tick);
  }

  const events = made.line.items.slice(8).map(({ event }) => event);
  expect(events.slice(0, 2)).toEqual(["a", "b"]);
});

it("[A2 A4] acts are sent before volatile messages", async () => {
  const made = await visit({}, SLOW);
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();

  made.room.send("cursor", 1);
  void made.room.publish("chat", "recorded");
  await made.world.pass(200);

  expect(made.line.items.slice(8).map(({ event }) => event)).toEqual(["chat", "cursor"]);
});

it("[A4] a volatile message is dropped without a connection, and when the connection ends", async () => {
  const made = new Visit();
  made.room.send("early", 1);
  await settled();
  made.line.welcome(SLOW);
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  made.room.send("waiting", 1);
  await settled();
  const before = made.line;

  await comeBack(made, SLOW);
  await made.world.pass(1_000);

  expect(before.items.map(({ event }) => event)).toEqual(Array.from({ length: 8 }, () => "filler"));
  expect(made.line.items).toEqual([]);
});

it("[A4 S1] a volatile message waits while the transport is busy, and is sent when it is ready", async () => {
  const made = await visit({ transports: ["sse"] });
  made.line.isBusy = true;

  for (let index = 0; index < 10; index++) {
    made.room.send("cursor", index);
    await made.world.pass(20);
  }
  expect(made.line.frames).toEqual([]);
  made.line.ready();

  expect(dataOf(made)).toEqual([9]);
});

it("[A4] at most 256 volatile messages wait", async () => {
  const made = await visit();
  made.line.isBusy = true;

  for (let index = 0; index < 300; index++) made.room.send("event", index, { key: `key ${index}` });
  await made.world.pass(100);
  made.line.isBusy = false;
  await made.world.pass(5_000);

  expect(dataOf(made)).toEqual(Array.from({ length: 256 }, (_, index) => index + 44));
});

it("[A4] of many volatile messages in one task, replaced ones are dropped before the oldest", async () => {
  const made = await visit();

  made.room.send("rare", 0);
  for (let index = 0; index < 300; index++) made.room.send("busy", index);
  await settled();

  expect(made.line.items.map(({ event, data }) => [event, data])).toEqual([
    ["rare", 0],
    ["busy", 299],
  ]);
});

it("[L1 L2] a rejection of volatile messages is emitted, and delays the others", async () => {
  const made = await visit();
  made.room.send("cursor", 1);
  await settled();

  made.line.deliver({ type: "error", code: "rate_limited", message: "spent", retryAfterMs: 500 });
  made.room.send("cursor", 2);
  made.room.send("cursor", 3);
  await made.world.pass(500);
  expect(dataOf(made)).toEqual([1]);
  await made.world.pass(100);

  expect(dataOf(made)).toEqual([1, 3]);
  expect(made.told.error).toMatchObject([{ code: "rate_limited", retryAfterMs: 500 }]);
});

it("[L1] a reconnect does not refill the rate limit", async () => {
  const made = await visit({}, SLOW);
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();

  made.line.end();
  made.world.signals?.onBack();
  await settled();
  made.line.welcome({ ...SLOW, recovered: true });
  for (let index = 0; index < 8; index++) made.room.send("filler", index);
  await settled();

  expect(made.line.items).toEqual([]);
});
