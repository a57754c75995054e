import { expect, it } from "vitest";
import { messageFrame } from "../support/fake-transport.ts";
import { settled } from "../support/fake-world.ts";
import { visit } from "../support/test-client.ts";

it("[F7 W5] a client pings at once, and then at the interval of the welcome", async () => {
  const made = await visit({}, { pingIntervalMs: 25_000 });
  expect(made.line.pings).toBe(1);

  for (let beat = 0; beat < 3; beat++) {
    made.line.deliver({ type: "pong" });
    await made.world.pass(25_000);
  }

  expect(made.line.pings).toBe(4);
});

it("[F7] a client measures a ping's round trip", async () => {
  const made = await visit();
  expect(made.room.latencyMs).toBeUndefined();

  await made.world.pass(40);
  made.line.deliver({ type: "pong" });

  expect(made.room.latencyMs).toBe(40);
});

it("[F7 G6] a client closes a connection without a reply to a ping, and reconnects", async () => {
  const made = await visit({ pingTimeoutMs: 10_000 });
  const dead = made.line;

  await made.world.pass(9_999);
  expect(made.room.state).toBe("connected");
  await made.world.pass(1);

  expect(made.told.state.at(-1)).toMatchObject({ state: "reconnecting", code: 1006, retryInMs: 500 });
  expect(dead.isClosed).toBe(true);
  await made.nextDial();
  expect(made.dialled).toHaveLength(2);
});

it("[F7] any data counts as a reply to a ping", async () => {
  const made = await visit();

  await made.world.pass(9_000);
  made.line.deliver(messageFrame(1));
  await made.world.pass(15_000);

  expect(made.room.state).toBe("connected");
});

it("[F7] a client pings at once when the page becomes visible, or the network changes", async () => {
  const made = await visit();
  made.line.deliver({ type: "pong" });
  await made.world.pass(1_000);

  made.world.signals?.onBack();
  expect(made.line.pings).toBe(2);
  made.line.deliver({ type: "pong" });
  made.world.signals?.onDoubt();
  expect(made.line.pings).toBe(3);

  await made.world.pass(10_000);
  expect(made.room.state).toBe("reconnecting");
});

it("[F7] further pings do not extend the timeout of the first", async () => {
  const made = await visit();

  for (let second = 0; second < 10; second++) {
    made.world.signals?.onDoubt();
    await made.world.pass(1_000);
  }

  expect(made.room.state).toBe("reconnecting");
});

it("[S3] a client closes a stream without data or comments for a minute", async () => {
  const made = await visit({ transports: ["sse"] });

  await made.world.pass(59_000);
  made.line.breathe();
  await made.world.pass(59_999);
  expect(made.room.state).toBe("connected");
  await made.world.pass(1);

  expect(made.room.state).toBe("reconnecting");
});

it("[F7] a client does not ping a connection that is gone", async () => {
  const made = await visit();
  const gone = made.line;
  gone.deliver({ type: "pong" });
  gone.end();
  await settled();

  made.world.signals?.onDoubt();
  await made.world.pass(60_000);

  expect(gone.pings).toBe(1);
});
