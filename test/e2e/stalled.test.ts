import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { UNSPENT_VARS } from "../support/budgets.ts";
import { Flow } from "../support/flow.ts";
import { joinUrl, type JoinOptions } from "../support/member.ts";
import { RawEvents } from "../support/raw-events.ts";
import { residentMemory } from "../support/resident-memory.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinSse } from "../support/sse-member.ts";
import { joinWebSocket, WebSocketMember } from "../support/websocket-member.ts";

const MESSAGE_CHARS = 60_000;

/** Messages before any client stalls. The runtime's memory grows only over the first 60 MB that it delivers. */
const WARM_UP = 1_000;

/** Messages that each stalled client does not read, 36 MB in total. */
const UNREAD = 600;

/** Clients that falsely report to have read everything. */
const LIARS = 4;

/** How much the runtime's memory may grow meanwhile. If unread messages were queued, it would grow by three times 36 MB. */
const SLACK_BYTES = 48 * 2 ** 20;

/** A room hibernates ten seconds after its last event (see hibernation.test.ts). Real time must pass for that. */
const ASLEEP_AFTER_MS = 13_000;

/** Budgets and a history that are large enough for these tests. */
const WIDE = {
  ADDRESS_LIMITS: "off",
  HISTORY_MAX_BYTES: "1073741824",
  SSE_MAX_BYTES: "1073741824",
  ...UNSPENT_VARS,
  ROOM_BYTES_PER_SECOND: "67108864",
  ROOM_BYTES_BURST: "536870912",
};

// Two of these tests wait for real time to pass, so they run concurrently.
it.concurrent("[G7 G11 G4 L5 L6 S4] sockets that stop reading slow no other member, take no memory, let the room sleep, and receive everything in the end", async () => {
  await using server = await startBareRuntime({
    // The end of a grace period would wake the room.
    vars: { ...WIDE, LOG_LEVEL: "debug", SSE_HEARTBEAT_MS: "1000", GRACE_MS: "600000" },
  });
  const room = uniqueRoom();
  const ana = await joinWebSocket(server, room, { query: { flow: "1" } });
  const cem = await joinSse(server, room);
  await Promise.all([ana.welcome(), cem.welcome()]);
  const speaker = new Flow(ana);
  let published = 0;
  let mostMemory = 0;
  const say = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      expect(await ana.publish("big", "x".repeat(MESSAGE_CHARS))).toMatchObject({ offset: ++published });
      speaker.say();
      if (n % 20 === 0) mostMemory = Math.max(mostMemory, residentMemory(server));
    }
  };
  await say(WARM_UP);
  const before = mostMemory;

  const bob = await joinWebSocket(server, room, { query: { flow: "1" } });
  const dan = joinHastily(server, room);
  const eve = await RawEvents.open(joinUrl(server.url, room, "/events", { key: randomKey() }));
  await Promise.all([bob.welcome(), dan.welcome(), eve.inbox.take("welcome")]);
  for (const each of [bob, dan, eve]) each.stall();
  await say(UNREAD);
  await cem.inbox.until(({ messages }) => messages.length === published);

  expect(cem.inbox.messages.map(({ offset }) => offset)).toEqual(fromTo(1, published));
  expect(mostMemory - before).toBeLessThan(SLACK_BYTES);
  expect(loads(server, room)).toBe(1);

  // Queued data keeps the room awake, and a client that never reports what it reads is sent data until its network is full.
  expect(await readByComingBack(server, room, dan, published)).toEqual(fromTo(WARM_UP + 1, published));
  await delay(ASLEEP_AFTER_MS);
  bob.resume();
  await new Flow(bob).readTo(published);
  expect(loads(server, room)).toBe(2); // the room slept until the clients read again

  eve.resume();
  await eve.inbox.until(({ position }) => position.endsWith(`:${published}`));
  for (const { inbox } of [bob, eve]) {
    expect(inbox.messages.map(({ offset }) => offset)).toEqual(fromTo(WARM_UP + 1, published));
  }
  for (const member of [ana, bob, cem, eve]) member.vanish();
});

it.concurrent("[L5 S4 S5 G4] sockets that read nothing for slowTimeoutMs are closed as slow, receive the close when they read again, and resume", async () => {
  await using server = await startBareRuntime({ vars: { ...WIDE, GRACE_MS: "0", SLOW_TIMEOUT_MS: "15000" } });
  const room = uniqueRoom();
  const count = 200; // more than a window, and more than the kernel buffers for a stream
  const ana = await joinWebSocket(server, room, { query: { flow: "1" } });
  const bob = joinHastily(server, room, { query: { flow: "1" } });
  const events = joinUrl(server.url, room, "/events", { key: randomKey() });
  const eve = await RawEvents.open(events);
  await Promise.all([ana.welcome(), bob.welcome(), eve.inbox.take("welcome")]);
  for (const each of [bob, eve]) each.stall();
  const speaker = new Flow(ana);
  for (let n = 1; n <= count; n++) {
    await ana.publish("big", "x".repeat(MESSAGE_CHARS));
    speaker.say();
  }

  const isGone = ({ all }: typeof ana.inbox): boolean =>
    all.flatMap((frame) => (frame.type === "presence" ? (frame.left ?? []) : [])).length === 2;
  await ana.inbox.until(isGone, 60_000);
  for (const each of [bob, eve]) each.resume();
  const bobClosed = await bob.closed;
  await eve.ended;
  const back = await joinWebSocket(server, room, { key: bob.key, after: bob.position, query: { flow: "1" } });
  const again = await RawEvents.open(events, { "last-event-id": eve.stream.lastEventId });
  await new Flow(back).readTo(count);
  await again.inbox.until(({ position }) => position.endsWith(`:${count}`));

  expect(bobClosed).toMatchObject({ code: 4003 });
  expect(eve.inbox.all.at(-1)).toMatchObject({ type: "close", code: 4003 });
  expect([bob, back].flatMap(({ inbox }) => inbox.messages.map(({ offset }) => offset))).toEqual(
    fromTo(1, count),
  );
  expect([eve, again].flatMap(({ inbox }) => inbox.messages.map(({ offset }) => offset))).toEqual(
    fromTo(1, count),
  );
  for (const member of [ana, back, again]) member.vanish();
});

it("[G7 L5 G4] clients that report unread data as read cost no more memory, and receive everything once they read", async () => {
  await using server = await startBareRuntime({ vars: { ...WIDE, SLOW_TIMEOUT_MS: "600000" } });
  const room = uniqueRoom();
  const ana = await joinWebSocket(server, room, { query: { flow: "1" } });
  await ana.welcome();
  const speaker = new Flow(ana);
  let published = 0;
  let mostMemory = 0;
  const say = async (count: number, each: () => void): Promise<void> => {
    for (let n = 0; n < count; n++) {
      expect(await ana.publish("big", "x".repeat(MESSAGE_CHARS))).toMatchObject({ offset: ++published });
      speaker.say();
      each();
      if (n % 20 === 0) mostMemory = Math.max(mostMemory, residentMemory(server));
    }
  };
  await say(WARM_UP, () => undefined);
  const before = mostMemory;
  const liars = await Promise.all(
    Array.from({ length: LIARS }, () => joinWebSocket(server, room, { query: { flow: "1" } })),
  );
  for (const liar of liars) {
    await liar.welcome();
    liar.stall();
  }

  await say(UNREAD, () => {
    for (const liar of liars) liar.send({ type: "seen", chars: Number.MAX_SAFE_INTEGER });
  });

  expect(mostMemory - before).toBeLessThan(SLACK_BYTES);
  for (const liar of liars) liar.resume();
  for (const liar of liars) {
    await new Flow(liar).readTo(published);
    expect(liar.inbox.messages.map(({ offset }) => offset)).toEqual(fromTo(WARM_UP + 1, published));
  }
  for (const member of [ana, ...liars]) member.vanish();
});

it("[G4 L6] a plain WebSocket whose welcome is larger than its allowance makes progress with each reconnect", async () => {
  await using server = await startBareRuntime({ vars: { ...WIDE, ALLOWANCE_CHARS: "65536" } });
  const room = uniqueRoom();
  const ana = await joinWebSocket(server, room, { query: { flow: "1" } });
  await ana.welcome();
  const [speaker, start] = [new Flow(ana), ana.position];
  for (let n = 0; n < 4; n++) await ana.act({ type: "set", set: { [`key${n}`]: "x".repeat(MESSAGE_CHARS) } });
  for (let n = 5; n <= 12; n++) {
    speaker.say();
    await ana.publish("big", "x".repeat(MESSAGE_CHARS));
  }

  const bob = joinHastily(server, room, { after: start, query: { state: "1" } });
  await bob.welcome();

  expect(await readByComingBack(server, room, bob, 12, { state: "1" })).toEqual(fromTo(5, 12));
  ana.vanish();
});

/**
 * Reads like a client without flow control, which resumes from its position whenever it is closed as slow. Returns the
 * offsets of the messages that it received.
 */
async function readByComingBack(
  server: ServerProcess,
  room: string,
  first: WebSocketMember,
  last: number,
  query: Readonly<Record<string, string>> = {},
): Promise<number[]> {
  const visits = [first];
  for (let member = first; visits.length < 100; visits.push(member)) {
    member.resume();
    const hasAll = member.inbox.until(({ position }) => position.endsWith(`:${last}`)).then(() => true);
    if (await Promise.race([hasAll.catch(() => false), member.closed.then(() => false)])) break;
    expect(await member.closed).toMatchObject({ code: 4003 });
    const { key, position: after } = member;
    member = joinHastily(server, room, { key, after, query });
    await member.welcome();
  }
  for (const member of visits) member.vanish();
  return visits.flatMap(({ inbox }) => inbox.messages.map(({ offset = 0 }) => offset));
}

/**
 * Joins with a socket that closes its connection soon after it has read the close frame, without waiting for the server.
 * If the client has sent nothing, the runtime closes the connection only when the room hibernates (workerd 1.20261023).
 */
function joinHastily(server: ServerProcess, room: string, options: JoinOptions = {}): WebSocketMember {
  const hasty = { handshakeTimeout: 10_000, closeTimeout: 20 };
  return new WebSocketMember(new WebSocket(joinUrl(server.wsUrl, room, "", options), hasty));
}

/** How many times the room's object has been constructed. */
function loads(server: ServerProcess, room: string): number {
  return server
    .output()
    .split("\n")
    .filter((line) => line.includes('"room_loaded"') && line.includes(`"${room}"`)).length;
}

function fromTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
