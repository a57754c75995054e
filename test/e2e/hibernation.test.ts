import { afterAll, beforeAll, expect, it } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinSse } from "../support/sse-member.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

/**
 * workerd hibernates an object ten seconds after its last event (platform documentation, observed on 1.20261023). Real time
 * must pass for that. The only visible sign is that the object is constructed again later.
 */
const ASLEEP_AFTER_MS = 13_000;

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({
    vars: { LOG_LEVEL: "debug", ADDRESS_LIMITS: "off", SSE_HEARTBEAT_MS: "1000" },
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

// These tests wait for real time to pass, so they run concurrently.
it.concurrent("[G11 F7 S3] a room sleeps while WebSocket and SSE members ping, pings do not wake it, and a later message reaches all members", async () => {
  const room = uniqueRoom();
  const ana = await joinWebSocket(server, room);
  const ben = await joinSse(server, room);
  const eve = await joinWebSocket(server, room);
  await Promise.all([ana.welcome(), ben.welcome(), eve.welcome()]);
  expect(loads(room)).toBe(1);

  for (let waitedMs = 0; waitedMs < ASLEEP_AFTER_MS; waitedMs += 1_000) {
    ana.ping();
    await ana.inbox.take("pong");
    await delay(1_000);
  }
  const commentsWhileAsleep = ben.comments;
  expect(commentsWhileAsleep).toBeGreaterThan(0);
  expect(loads(room)).toBe(1);

  const ack = await ana.publish("chat", "good morning");

  expect(ack).toMatchObject({ type: "ack", offset: 1 });
  expect(loads(room)).toBe(2);
  for (const member of [ana, ben, eve]) {
    expect(await member.inbox.take("message")).toMatchObject({
      offset: 1,
      data: "good morning",
      from: ana.member,
    });
  }
  for (const member of [ana, ben, eve]) member.vanish();
});

it.concurrent("[G11 M1] a room announces the joins of a crowd to all members without further events, and then sleeps", async () => {
  const room = uniqueRoom();
  const crowd = await Promise.all(Array.from({ length: 150 }, () => joinWebSocket(server, room)));
  const [ana] = crowd;

  // The joins are more presence frames than a room sends at once. A timer sends the others.
  for (const { inbox } of crowd) {
    await inbox.until(({ all }) =>
      all.some(
        (frame) => (frame.type === "welcome" || frame.type === "presence") && frame.count === crowd.length,
      ),
    );
  }
  expect(loads(room)).toBe(1);
  await delay(ASLEEP_AFTER_MS);

  expect(await ana?.publish("chat", "good morning")).toMatchObject({ type: "ack", offset: 1 });
  expect(loads(room)).toBe(2);
  for (const member of crowd) member.vanish();
});

/** How many times the room's object has been constructed. */
function loads(room: string): number {
  return server
    .output()
    .split("\n")
    .filter((line) => line.includes('"room_loaded"') && line.includes(`"${room}"`)).length;
}
