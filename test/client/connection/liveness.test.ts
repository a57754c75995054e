import { expect, it } from "vitest";
import { messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined } from "../support/test-client.ts";

it("[F7 W5] a client pings at once, and then at the interval of the welcome", async () => {
  const client = await joined({}, { pingIntervalMs: 25_000 });
  expect(client.transport.pings).toBe(1);

  for (let beat = 0; beat < 3; beat++) {
    client.transport.deliver({ type: "pong" });
    await client.world.pass(25_000);
  }

  expect(client.transport.pings).toBe(4);
});

it("[F7] a client measures a ping's round trip", async () => {
  const client = await joined();
  expect(client.room.rttMs).toBeUndefined();

  await client.world.pass(40);
  client.transport.deliver({ type: "pong" });

  expect(client.room.rttMs).toBe(40);
});

it("[F7 G6] a client closes a connection without a reply to a ping, and reconnects", async () => {
  const client = await joined({ pingTimeoutMs: 10_000, transports: ["websocket"] });
  const dead = client.transport;

  await client.world.pass(9_999);
  expect(client.room.connection.state).toBe("open");
  await client.world.pass(1);

  expect(client.room.connection).toMatchObject({ state: "waiting", code: 1006 });
  expect(client.retryInMs).toBe(500);
  expect(dead.isClosed).toBe(true);
  await client.nextDial();
  expect(client.dialled).toHaveLength(2);
});

it("[F7] any data counts as a reply to a ping", async () => {
  const client = await joined();

  await client.world.pass(9_000);
  client.transport.deliver(messageFrame(1));
  await client.world.pass(15_000);

  expect(client.room.connection.state).toBe("open");
});

it("[F7] a client pings at once when the page becomes visible, or the network changes", async () => {
  const client = await joined({ transports: ["websocket"] });
  client.transport.deliver({ type: "pong" });
  await client.world.pass(1_000);

  client.world.signals?.wake();
  expect(client.transport.pings).toBe(2);
  client.transport.deliver({ type: "pong" });
  client.world.signals?.check();
  expect(client.transport.pings).toBe(3);

  await client.world.pass(10_000);
  expect(client.room.connection.state).toBe("waiting");
});

it("[F7] further pings do not extend the timeout of the first", async () => {
  const client = await joined({ transports: ["websocket"] });

  for (let second = 0; second < 10; second++) {
    client.world.signals?.check();
    await client.world.pass(1_000);
  }

  expect(client.room.connection.state).toBe("waiting");
});

it("[S3] a client closes a stream without data or comments for a minute", async () => {
  const client = await joined({ transports: ["sse"] });

  await client.world.pass(59_000);
  client.transport.breathe();
  await client.world.pass(59_999);
  expect(client.room.connection.state).toBe("open");
  await client.world.pass(1);

  expect(client.room.connection.state).toBe("waiting");
});

it("[S3] a reply to a POST does not prove that the stream is alive", async () => {
  const client = await joined({ transports: ["sse"] });

  for (let ref = 1; ref <= 3; ref++) {
    void client.room.publish("chat", "hi");
    await client.world.pass(20_000);
    client.transport.ack([ref], ref);
  }

  expect(client.room.connection.state).toBe("waiting");
});

it("[F7] a client without a reply to an act pings after five seconds, and closes the connection without a reply to that ping", async () => {
  const client = await joined({ pingTimeoutMs: 10_000 }, { pingIntervalMs: 25_000 });
  client.transport.deliver({ type: "pong" });
  void client.room.publish("chat", "first");
  await client.world.pass(4_000);
  client.transport.ack([1]);
  await client.world.pass(4_000);

  void client.room.publish("chat", "second");
  await client.world.pass(4_999);
  expect(client.transport.pings).toBe(1);
  await client.world.pass(1);
  expect(client.transport.pings).toBe(2);
  await client.world.pass(10_000);

  expect(client.room.connection).toMatchObject({ state: "waiting", reason: "no data for 10000 ms" });
});

it("[F7] a client does not ping a connection that is gone", async () => {
  const client = await joined();
  const gone = client.transport;
  gone.deliver({ type: "pong" });
  gone.end();
  await settled();

  client.world.signals?.check();
  await client.world.pass(60_000);

  expect(gone.pings).toBe(1);
});
