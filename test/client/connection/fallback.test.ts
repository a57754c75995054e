import { expect, it } from "vitest";
import { CLOSE_CODES } from "../../../src/protocol/close-codes.ts";
import { FakeWorld, settled } from "../support/fake-world.ts";
import { live, Visit, visit } from "../support/test-client.ts";

it("[G5 J1] a client joins over SSE at once if a WebSocket receives no welcome", async () => {
  const made = new Visit({ connectTimeoutMs: 4_000 });

  await made.world.pass(4_000);

  expect(made.names).toEqual(["websocket", "sse"]);
  expect(made.dialled[0]?.isClosed).toBe(true);
  made.line.welcome();
  expect(made.room.transport).toBe("sse");
});

it("[G5 J1] a client joins over SSE after two WebSockets that ended before a welcome", async () => {
  const made = new Visit();
  await settled();

  made.line.end();
  await made.nextDial();
  made.line.end(1002, "a proxy in between");
  await made.nextDial();

  expect(made.names).toEqual(["websocket", "websocket", "sse"]);
});

it("[G5 J1] a client joins over SSE if WebSockets cannot be created", async () => {
  const made = new Visit({}, new FakeWorld(), "websocket");

  await made.nextDial();

  expect(made.names).toEqual(["sse"]);
});

it("[J8] a rejection with an error does not count as a failure of the transport", async () => {
  const made = new Visit();
  await settled();

  for (let attempt = 0; attempt < 4; attempt++) {
    made.line.deliver({ type: "error", code: "room_full", message: "full", retryAfterMs: 100 });
    made.line.end(CLOSE_CODES.overloaded.code);
    await made.nextDial();
  }

  expect(made.names).toEqual(Array.from({ length: 5 }, () => "websocket"));
});

it("[J8 L3] a client returns to WebSocket after a rejection that only SSE could report", async () => {
  const made = new Visit();
  await settled();
  made.line.end();
  await made.nextDial();
  made.line.end();
  await made.nextDial();
  expect(made.names.at(-1)).toBe("sse");

  made.line.deliver({ type: "error", code: "rate_limited", message: "too many joins", retryAfterMs: 10_000 });
  made.line.end(CLOSE_CODES.overloaded.code);
  await made.world.pass(9_999);
  expect(made.dialled).toHaveLength(3);
  await made.nextDial();

  expect(made.names.at(-1)).toBe("websocket");
});

it("[G5] a client keeps WebSocket, once it has worked, during a short outage", async () => {
  const made = await visit();

  made.line.end();
  for (let attempt = 0; attempt < 5; attempt++) {
    await made.nextDial();
    made.line.end();
  }
  expect(made.names).toEqual(Array.from({ length: 6 }, () => "websocket"));

  await made.nextDial();
  expect(made.names.at(-1)).toBe("sse");
});

it("[G5] a client keeps WebSocket, once it has worked, for the first 15 seconds of failures", async () => {
  const made = await visit();
  await live(made, 10_000);
  made.world.chance = 0.1;

  made.line.end();
  const since = made.world.now();
  while (made.names.at(-1) === "websocket") {
    await made.nextDial();
    if (made.names.at(-1) === "websocket") made.line.end();
  }

  expect(made.names.length).toBeGreaterThan(20);
  expect(made.world.now() - since).toBeGreaterThan(15_000);
});

/** A room that joined over SSE, some minutes after its WebSocket received no welcome. */
async function visitOverSse(minutes: number): Promise<Visit> {
  const made = new Visit();
  await made.nextDial();
  made.line.welcome();
  for (let half = 0; half < 2 * minutes; half++) {
    await made.world.pass(30_000);
    made.line.breathe();
  }
  return made;
}

it("[G5] a client keeps SSE once it has worked", async () => {
  const made = await visitOverSse(4);

  made.line.end();
  await made.nextDial();

  expect(made.names).toEqual(["websocket", "sse", "sse"]);
});

it("[G5] a client tries WebSocket again at a reconnect five minutes later", async () => {
  const made = await visitOverSse(5);

  made.line.end(CLOSE_CODES.rotated.code, CLOSE_CODES.rotated.text);
  await made.nextDial();
  made.line.welcome({ recovered: true });

  expect(made.names).toEqual(["websocket", "sse", "websocket"]);
  expect(made.room.transport).toBe("websocket");
});

it("[G5] a client returns to SSE if the new attempt over WebSocket fails once", async () => {
  const made = await visitOverSse(5);
  made.line.end();
  await made.nextDial();

  made.line.end();
  await made.nextDial();

  expect(made.names).toEqual(["websocket", "sse", "websocket", "sse"]);
});

it("[J1] a client uses only the transports in its options", async () => {
  const made = new Visit({ transports: ["sse"] });
  await settled();

  for (let attempt = 0; attempt < 3; attempt++) {
    made.line.end();
    await made.nextDial();
  }
  await made.nextDial(); // a time-out

  expect(new Set(made.names)).toEqual(new Set(["sse"]));
});
