import { get } from "node:http";
import { expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { UNSPENT_VARS } from "../support/budgets.ts";
import { EventStream } from "../support/event-stream.ts";
import { Flow } from "../support/flow.ts";
import { Inbox } from "../support/inbox.ts";
import { joinUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinWebSocket, type WebSocketMember } from "../support/websocket-member.ts";

/** Messages that the returning members have missed. */
const MISSED = 10_000;

/** Members that reconnect at once, half of them over SSE. */
const RETURNING = 20;

/** Messages that are timed before the others reconnect, and as many afterwards. */
const TIMED = 200;

it("[G1 G4 G5 L5] members resume over 10,000 messages under live traffic, and every member receives every message once and in order", async () => {
  await using server = await startBareRuntime({
    vars: {
      ADDRESS_LIMITS: "off",
      HISTORY_MAX_MESSAGES: "100000",
      ...UNSPENT_VARS,
    },
  });
  const room = uniqueRoom();
  const speaker = await joinListening(server, room);
  const live = await Promise.all(Array.from({ length: 8 }, () => joinListening(server, room)));
  const start = speaker.member.position;
  const calm = await time(speaker, live, (count) => count < TIMED);
  for (let published = calm.length; published < MISSED; published += 64)
    await say(speaker, live, Math.min(64, MISSED - published));

  const returning = Array.from({ length: RETURNING }, (_, n) =>
    (n % 2 === 0 ? returnBySocket : returnByEvents)(server, room, start),
  );
  const busy = await time(speaker, live, () => returning.some(({ isBack }) => !isBack));
  const after = await time(speaker, live, (count) => count < TIMED);
  const last = MISSED + busy.length + after.length;
  await vi.waitFor(
    () => expect(returning.every((each) => each.read().position.endsWith(`:${last}`))).toBe(true),
    10_000,
  );

  const log = speaker.member.inbox.messages;
  expect(log.map(({ offset }) => offset)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  for (const { member } of live) expect(member.inbox.messages).toEqual(log);
  for (const each of returning) expect(each.read().messages).toEqual(log);
  const figures = [
    describe("before", calm),
    describe(`while ${RETURNING} others resume over ${MISSED} messages`, busy),
    describe("after", after),
  ];
  console.log([`latency of ${live.length} live members, in ms:`, ...figures].join("\n  "));
  for (const each of [...returning, speaker.member, ...live.map(({ member }) => member)]) each.vanish();
});

/** The end of a replay. No message of this test contains it. */
const REPLAYED = '"reason":"replayed"';

/** A returning member. It parses its frames only when the test is over, so that it does not slow the timed members. */
interface Returning {
  /** Whether it has read all missed messages. */
  readonly isBack: boolean;
  /** All frames that it has read. */
  read(): Inbox;
  vanish(): void;
}

/** Reconnects over WebSocket, and reports what it reads. */
function returnBySocket(server: ServerProcess, room: string, after: string): Returning {
  const socket = new WebSocket(joinUrl(server.wsUrl, room, "", { after, query: { flow: "1" } }));
  const texts: string[] = [];
  let [chars, isBack] = [0, false];
  socket.on("message", (data: Buffer) => {
    const text = data.toString();
    texts.push(text);
    chars += text.length;
    isBack ||= text.slice(0, 200).includes(REPLAYED);
    socket.send(JSON.stringify({ type: "seen", chars }));
  });
  return {
    get isBack() {
      return isBack;
    },
    read() {
      const inbox = new Inbox();
      for (const text of texts) inbox.receive(text);
      return inbox;
    },
    vanish: () => socket.terminate(),
  };
}

/** Reconnects over SSE. */
function returnByEvents(server: ServerProcess, room: string, after: string): Returning {
  const chunks: Buffer[] = [];
  let [isBack, tail] = [false, ""];
  const request = get(joinUrl(server.url, room, "/events", { after }), { agent: false }, (response) => {
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      isBack ||= `${tail}${chunk.toString("latin1")}`.includes(REPLAYED);
      tail = chunk.toString("latin1").slice(-REPLAYED.length);
    });
    response.on("error", () => undefined);
  });
  request.on("error", () => undefined); // the test ends it
  return {
    get isBack() {
      return isBack;
    },
    read() {
      const stream = new EventStream();
      for (const chunk of chunks) stream.write(chunk);
      return stream.inbox;
    },
    vanish: () => request.destroy(),
  };
}

/** A member that reports what it reads. */
interface Listener {
  readonly member: WebSocketMember;
  readonly flow: Flow;
}

async function joinListening(server: ServerProcess, room: string): Promise<Listener> {
  const member = await joinWebSocket(server, room, { query: { flow: "1" } });
  await member.welcome();
  return { member, flow: new Flow(member) };
}

/** Publishes messages in one frame. Resolves with the time until all members have received them, in milliseconds. */
async function say(speaker: Listener, live: readonly Listener[], count: number): Promise<number> {
  const { inbox } = speaker.member;
  const told = inbox.messages.length + count;
  const data = "x".repeat(200);
  const sentAt = performance.now();
  speaker.member.send(Array.from({ length: count }, () => ({ type: "publish", event: "e", data })));
  await Promise.all(
    [speaker, ...live].map(({ member }) => member.inbox.until(({ messages }) => messages.length === told)),
  );
  const took = performance.now() - sentAt;
  for (const { flow } of [speaker, ...live]) flow.say(50_000);
  return took;
}

/** Publishes one message after the other, each after all members have received the previous one. Returns their times. */
async function time(
  speaker: Listener,
  live: readonly Listener[],
  goesOn: (count: number) => boolean,
): Promise<number[]> {
  const took: number[] = [];
  while (goesOn(took.length)) took.push(await say(speaker, live, 1));
  return took;
}

function describe(when: string, took: readonly number[]): string {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  return `${when}: p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} (${took.length} messages)`;
}
