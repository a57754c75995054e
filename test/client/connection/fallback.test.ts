import { expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { at, messageFrame, type FakeTransport } from "../support/fake-transport.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { stayConnected, TestClient, joined } from "../support/test-client.ts";

it("[G5 J1] a client joins over SSE at once if a WebSocket receives no welcome", async () => {
  const client = new TestClient({ connectTimeoutMs: 4_000 });

  await client.world.pass(4_000);

  expect(client.names).toEqual(["websocket", "sse"]);
  expect(client.dialled[0]?.isClosed).toBe(true);
  client.transport.welcome();
  expect(client.room.connection.transport).toBe("sse");
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

it("[G5] a client joins over long-poll if neither a WebSocket nor a stream receives a welcome", async () => {
  const client = new TestClient({ connectTimeoutMs: 4_000 });

  await client.world.pass(8_000);
  client.transport.welcome();

  expect(client.names).toEqual(["websocket", "sse", "long-poll"]);
  expect(client.room.connection.transport).toBe("long-poll");
});

it("[G5] a client leaves a transport whose connections are dropped at once three times", async () => {
  const client = await joined();

  for (let drop = 0; drop < 3; drop++) {
    await client.world.pass(1_000);
    client.transport.end();
    await client.nextDial();
    client.transport.welcome({ recovered: true });
  }

  expect(client.names).toEqual(["websocket", "websocket", "websocket", "sse"]);
});

it("[G5] a client keeps a transport whose connections the server ends at once", async () => {
  const client = await joined();

  for (let drop = 0; drop < 5; drop++) {
    client.transport.end(CLOSE_CODES.restart.code);
    await client.nextDial();
    client.transport.welcome({ recovered: true });
  }

  expect(new Set(client.names)).toEqual(new Set(["websocket"]));
});

it("[G5] a client keeps a transport whose drops are separated by stable connections", async () => {
  const client = await joined();

  for (let drop = 0; drop < 5; drop++) {
    client.transport.end();
    await client.nextDial();
    client.transport.welcome({ recovered: true });
    if (drop % 2 === 1) {
      await stayConnected(client, 10_000);
      client.transport.end();
      await client.nextDial();
      client.transport.welcome({ recovered: true });
    }
  }

  expect(new Set(client.names)).toEqual(new Set(["websocket"]));
});

it("[G5 F7] a client leaves a transport that carries nothing after its welcome", async () => {
  const client = await joined();

  await client.world.pass(10_000); // the ping has no reply
  await settled(); // the next transport is tried at once

  expect(client.names).toEqual(["websocket", "sse"]);
});

it("[G5 F7] a client keeps a transport that worked before it carried nothing, as after a sleep of the device", async () => {
  const client = await joined();
  await stayConnected(client, 60_000);

  client.world.signals?.check();
  await client.world.pass(10_000);
  await client.nextDial();

  expect(client.names).toEqual(["websocket", "websocket"]);
});

/** A room that joined over SSE, after its WebSocket received no welcome. */
async function joinedOverSse(world = new FakeWorld()): Promise<TestClient> {
  const client = new TestClient({}, world);
  await client.nextDial();
  client.transport.welcome();
  await settled();
  return client;
}

/** Lets minutes pass for a client that is connected over SSE. */
async function passOverSse(client: TestClient, minutes: number): Promise<void> {
  const { transport } = client;
  for (let half = 0; half < 2 * minutes; half++) {
    await client.world.pass(30_000);
    transport.breathe();
  }
}

it("[G5] a client keeps SSE at a reconnect, once it has worked", async () => {
  const client = await joinedOverSse();
  await passOverSse(client, 4);

  client.transport.end(CLOSE_CODES.rotated.code, CLOSE_CODES.rotated.text);
  await client.nextDial();

  expect(client.names).toEqual(["websocket", "sse", "sse"]);
});

it("[G5] after five minutes over SSE a client tries WebSocket beside it, with another key and without being a member", async () => {
  const client = await joinedOverSse();

  await passOverSse(client, 5);

  expect(client.names).toEqual(["websocket", "sse", "websocket"]);
  expect(client.transport.target).toMatchObject({ view: true });
  expect(client.transport.target).not.toHaveProperty("after");
  expect(client.transport.target.key).not.toBe(client.room.key);
  expect(client.room.connection).toEqual({ state: "open", transport: "sse" });
});

it("[G5 G4] a client moves to a WebSocket that is still open after ten seconds, and resumes from its position", async () => {
  const client = await joinedOverSse();
  const stream = client.transport;
  await passOverSse(client, 5);
  const trial = client.transport;
  trial.welcome();
  stream.deliver(messageFrame(7));

  await client.world.pass(10_000);
  const { transport } = client;
  transport.welcome({ recovered: true, position: at(7) });

  expect(client.names).toEqual(["websocket", "sse", "websocket", "websocket"]);
  expect([trial.isClosed, stream.isClosed, stream.isClosedForGood]).toEqual([true, true, false]);
  expect(transport.target).toMatchObject({ key: client.room.key, view: false, after: at(7) });
  expect(client.states.slice(-3)).toEqual(["open", "connecting", "open"]);
  expect(client.room.connection.transport).toBe("websocket");
});

it.each([
  ["receives no welcome", () => undefined],
  ["is refused", (trial: FakeTransport) => trial.end()],
  [
    "is dropped after its welcome",
    (trial: FakeTransport) => {
      trial.welcome();
      trial.end();
    },
  ],
])("[G5] a client keeps SSE, and tries again later, if a WebSocket %s", async (_what, act) => {
  const client = await joinedOverSse();
  await passOverSse(client, 5);

  act(client.transport);
  await client.world.pass(10_000);
  expect(client.transport.isClosed).toBe(true);
  expect(client.room.connection).toEqual({ state: "open", transport: "sse" });

  client.dialled[1]?.breathe();
  await client.world.pass(30_000);
  for (let half = 0; half < 9; half++) {
    client.dialled[1]?.breathe();
    await client.world.pass(30_000);
  }
  expect(client.names).toEqual(["websocket", "sse", "websocket", "websocket"]);
});

it("[G5] a room that is closed during a trial closes the trial", async () => {
  const client = await joinedOverSse();
  await passOverSse(client, 5);

  client.room.close();

  expect(client.transport.isClosed).toBe(true);
  expect(client.world.timers).toEqual([]);
});

it("[G5] the next room of the page starts with the transport that worked, and only with the same order of transports", async () => {
  const { world } = await joinedOverSse();

  const next = new TestClient({}, world);
  const other = new TestClient({ transports: ["websocket", "long-poll"] }, world);
  await settled();

  expect(next.names).toEqual(["sse"]);
  expect(other.names).toEqual(["websocket"]);
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

it("[G5] a client that is refused twice tries the next transport at once", async () => {
  const client = new TestClient();
  await settled();

  client.transport.end();
  await client.nextDial();
  client.transport.end();
  await client.world.pass(0);

  expect(client.names).toEqual(["websocket", "websocket", "sse"]);
});

it("[G5 S4] a client tries the next transport no sooner than the server requested", async () => {
  const client = new TestClient({ transports: ["sse", "long-poll"] });
  await settled();

  client.transport.end();
  await client.nextDial();
  client.transport.end(1006, "", 4_000);
  await client.world.pass(3_999);

  expect(client.names).toEqual(["sse", "sse"]);
});
