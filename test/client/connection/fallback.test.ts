import { expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { stayConnected, TestClient, joined } from "../support/test-client.ts";

it("[G5 J1] a client joins over SSE at once if a WebSocket receives no welcome", async () => {
  const client = new TestClient({ connectTimeoutMs: 4_000 });

  await client.world.pass(4_000);

  expect(client.names).toEqual(["websocket", "sse"]);
  expect(client.dialled[0]?.isClosed).toBe(true);
  client.transport.welcome();
  expect(client.room.transport).toBe("sse");
});

it("[G5 J1] a client joins over SSE after two WebSockets that ended before a welcome", async () => {
  const client = new TestClient();
  await settled();

  client.transport.end();
  await client.nextDial();
  client.transport.end(1002, "a proxy in between");
  await client.nextDial();

  expect(client.names).toEqual(["websocket", "websocket", "sse"]);
});

it("[G5 J1] a client joins over SSE if WebSockets cannot be created", async () => {
  const client = new TestClient({}, new FakeWorld(), "websocket");

  await client.nextDial();

  expect(client.names).toEqual(["sse"]);
});

it("[J8] a rejection with an error does not count as a failure of the transport", async () => {
  const client = new TestClient();
  await settled();

  for (let attempt = 0; attempt < 4; attempt++) {
    client.transport.deliver({ type: "error", code: "room_full", message: "full", retryAfterMs: 100 });
    client.transport.end(CLOSE_CODES.overloaded.code);
    await client.nextDial();
  }

  expect(client.names).toEqual(Array.from({ length: 5 }, () => "websocket"));
});

it("[J8 L3] a client returns to WebSocket after a rejection that only SSE could report", async () => {
  const client = new TestClient();
  await settled();
  client.transport.end();
  await client.nextDial();
  client.transport.end();
  await client.nextDial();
  expect(client.names.at(-1)).toBe("sse");

  client.transport.deliver({
    type: "error",
    code: "rate_limited",
    message: "too many joins",
    retryAfterMs: 10_000,
  });
  client.transport.end(CLOSE_CODES.overloaded.code);
  await client.world.pass(9_999);
  expect(client.dialled).toHaveLength(3);
  await client.nextDial();

  expect(client.names.at(-1)).toBe("websocket");
});

it("[G5] a client keeps WebSocket, once it has worked, during a short outage", async () => {
  const client = await joined();

  client.transport.end();
  for (let attempt = 0; attempt < 5; attempt++) {
    await client.nextDial();
    client.transport.end();
  }
  expect(client.names).toEqual(Array.from({ length: 6 }, () => "websocket"));

  await client.nextDial();
  expect(client.names.at(-1)).toBe("sse");
});

it("[G5] a client keeps WebSocket, once it has worked, for the first 15 seconds of failures", async () => {
  const client = await joined();
  await stayConnected(client, 10_000);
  client.world.chance = 0.1;

  client.transport.end();
  const since = client.world.now();
  while (client.names.at(-1) === "websocket") {
    await client.nextDial();
    if (client.names.at(-1) === "websocket") client.transport.end();
  }

  expect(client.names.length).toBeGreaterThan(20);
  expect(client.world.now() - since).toBeGreaterThan(15_000);
});

/** A room that joined over SSE, some minutes after its WebSocket received no welcome. */
async function visitOverSse(minutes: number): Promise<TestClient> {
  const client = new TestClient();
  await client.nextDial();
  client.transport.welcome();
  for (let half = 0; half < 2 * minutes; half++) {
    await client.world.pass(30_000);
    client.transport.breathe();
  }
  return client;
}

it("[G5] a client keeps SSE once it has worked", async () => {
  const client = await visitOverSse(4);

  client.transport.end();
  await client.nextDial();

  expect(client.names).toEqual(["websocket", "sse", "sse"]);
});

it("[G5] a client tries WebSocket again at a reconnect five minutes later", async () => {
  const client = await visitOverSse(5);

  client.transport.end(CLOSE_CODES.rotated.code, CLOSE_CODES.rotated.text);
  await client.nextDial();
  client.transport.welcome({ recovered: true });

  expect(client.names).toEqual(["websocket", "sse", "websocket"]);
  expect(client.room.transport).toBe("websocket");
});

it("[G5] a client returns to SSE if the new attempt over WebSocket fails once", async () => {
  const client = await visitOverSse(5);
  client.transport.end();
  await client.nextDial();

  client.transport.end();
  await client.nextDial();

  expect(client.names).toEqual(["websocket", "sse", "websocket", "sse"]);
});

it("[J1] a client uses only the transports in its options", async () => {
  const client = new TestClient({ transports: ["sse"] });
  await settled();

  for (let attempt = 0; attempt < 3; attempt++) {
    client.transport.end();
    await client.nextDial();
  }
  await client.nextDial(); // a time-out

  expect(new Set(client.names)).toEqual(new Set(["sse"]));
});
