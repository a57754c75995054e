import { expect, it } from "vitest";
import { LIMITS, messageFrame, welcomeFrame, type SentItem } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { reconnect, type TestClient, joined } from "../support/test-client.ts";

/** A window of which a quarter is 25,000 characters. */
const SMALL = { limits: { ...LIMITS, windowChars: 100_000 } };

function seenBy(client: TestClient): SentItem[] {
  return client.transport.items.filter(({ type }) => type === "seen");
}

it("[L5 A9] a client reports the total it has read after each quarter of the window", async () => {
  const client = await joined({}, SMALL);

  client.transport.deliverText(24_999, messageFrame(1));
  expect(seenBy(client)).toEqual([]);
  client.transport.deliverText(1, messageFrame(2));
  expect(seenBy(client)).toEqual([{ type: "seen", chars: 25_000 }]);

  client.transport.deliverText(24_999, messageFrame(3));
  expect(seenBy(client)).toHaveLength(1);
  client.transport.deliverText(90_000, messageFrame(4));
  expect(seenBy(client)).toEqual([
    { type: "seen", chars: 25_000 },
    { type: "seen", chars: 139_999 },
  ]);
});

it("[L5] the total read includes the welcome, and text that is not a frame", async () => {
  const client = await joined();
  client.transport.end();
  await client.nextDial();

  client.transport.deliverText(20_000, welcomeFrame({ ...SMALL, recovered: true }));
  client.transport.deliverText(5_000, {
    type: "error",
    code: "bad_frame",
    message: "the server sent no frame",
  });

  expect(seenBy(client)).toEqual([{ type: "seen", chars: 25_000 }]);
});

it("[L5] the total read starts at 0 on every connection", async () => {
  const client = await joined({}, SMALL);
  client.transport.deliverText(40_000, messageFrame(1));
  client.transport.deliverText(24_000, messageFrame(2));

  await reconnect(client, SMALL);
  client.transport.deliverText(24_000, messageFrame(3));
  expect(seenBy(client)).toEqual([]);
  client.transport.deliverText(1_000, messageFrame(4));

  expect(seenBy(client)).toEqual([{ type: "seen", chars: 25_000 }]);
});

it("[L5] a client reports what it has read after it has called the listeners", async () => {
  const client = await joined({}, SMALL);
  const saidBefore: number[] = [];
  client.room.on("message", () => saidBefore.push(seenBy(client).length));

  client.transport.deliverText(25_000, messageFrame(1), messageFrame(2));

  expect(saidBefore).toEqual([0, 0]);
  expect(seenBy(client)).toHaveLength(1);
});

it("[L5 L1] a report of what was read ignores the rate limits, and counts as sent", async () => {
  const client = await joined({}, { limits: { ...SMALL.limits, messagesPerSecond: 10, messagesBurst: 10 } });
  for (let index = 0; index < 9; index++) void client.room.publish("chat", index);
  await settled();
  expect(client.transport.items).toHaveLength(8); // four fifths of the burst

  client.transport.deliverText(25_000, messageFrame(1));
  expect(client.transport.items.at(-1)).toEqual({ type: "seen", chars: 25_000 });
  await client.world.pass(150);
  expect(client.transport.items).toHaveLength(9);
  await client.world.pass(100);

  expect(client.transport.items.at(-1)).toMatchObject({ type: "publish", data: 8 });
});

it("[L5] a client does not report what it has read if the server states no window, or over SSE", async () => {
  const { windowChars: _windowChars, ...limits } = LIMITS;
  const old = await joined({}, { limits });
  old.transport.deliverText(1_000_000_000, messageFrame(1));
  const sse = await joined({ transports: ["sse"] }, SMALL);
  sse.transport.deliverEvent("Zk3aB9:1", messageFrame(1));

  expect([...seenBy(old), ...seenBy(sse)]).toEqual([]);
});

it("[L5] a client does not report what it has read on a connection that ended", async () => {
  const client = await joined({}, SMALL);
  client.room.on("message", () => client.room.close());

  client.transport.deliverText(25_000, messageFrame(1));

  expect(client.transport.items).toEqual([]);
});

it("[L5 C1] a client that was closed because it read too slowly reconnects with its position", async () => {
  const client = await joined({}, SMALL);
  client.transport.deliver(messageFrame(7));

  client.transport.end(4003, "the member reads too slowly");
  expect(client.emitted.connection.at(-1)).toMatchObject({ state: "waiting", code: 4003 });
  await client.nextDial();

  expect(client.transport.target.after).toBe("Zk3aB9:7");
});

it("[L8 F2 A3] after a frame was rejected unread, a client repeats all acts without a reply, each with its own ref", async () => {
  const client = await joined();
  const published = [client.room.publish("chat", 1), client.room.publish("chat", 2)];
  await settled();
  const [first = 0, second = 0] = client.transport.refs;
  client.transport.ack([first], 7);

  client.transport.deliver({
    ...{ type: "error", code: "rate_limited", message: "the room's byte budget is spent" },
    ...{ limit: "roomBytesPerSecond", retryAfterMs: 250 },
  });
  await client.world.pass(249);
  expect(client.transport.frames).toHaveLength(1);
  await client.world.pass(100);
  client.transport.ack([second], 8);

  expect(client.transport.refs).toEqual([first, second, second]);
  expect(await Promise.all(published)).toEqual([{ offset: 7 }, { offset: 8 }]);
});
