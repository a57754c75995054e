import { setTimeout as delay } from "node:timers/promises";
import { MAX_ITEMS } from "../../src/protocol/frames.ts";
import type { Reply } from "../support/member.ts";
import { randomKey } from "../support/rooms.ts";
import { PollingMember } from "./polling-member.ts";
import { spread } from "./report.ts";
import type { Target } from "./target.ts";

/** A check from outside. `run` returns what it observed, or throws an error that describes what is wrong. */
export interface Check {
  readonly name: string;
  readonly run: (target: Target, progress: (text: string) => void) => Promise<string>;
  /** Takes long, and is skipped with `--quick`. */
  readonly isSlow?: boolean;
}

/**
 * How long to wait until a room sleeps, in seconds, before each look. A room sleeps ten seconds after its last event. That
 * may be the end of the grace period of an earlier check's members: up to ten seconds from now, and fifteen more until the
 * alarm's next slot. To look whether it sleeps is an event as well.
 */
const SLEEPS_S = [22, 20];

/** How long a poll waits before something happens in the room, in milliseconds. */
const POLL_WAITS_MS = 500;

/** An event that takes longer than this to reach a reader was buffered on its way. */
const UNBUFFERED_MS = 3_000;

const ROUND_TRIPS = 20;

/** The checks of a deployment, in their order. */
export const CHECKS: readonly Check[] = [
  { name: "the Worker answers", run: ({ url }) => getJson(`${url}/healthz`) },
  { name: "a room's object answers", run: ({ url }) => getJson(`${url}/readyz`) },
  { name: "join over WebSocket", run: joinsByWebSocket },
  { name: "join over SSE", run: joinsBySse },
  { name: "SSE is not buffered on its way", run: arrivesUnbuffered },
  { name: "an SSE member acts by POST", run: actsByPost },
  { name: "a member joins, receives and leaves by long-poll", run: polls },
  { name: "a repeated act is stored once", run: storesOnce },
  { name: "resume over WebSocket", run: resumesByWebSocket },
  { name: "resume over SSE", run: resumesBySse },
  { name: "a rejected join receives an error", run: refusesAloud },
  { name: "a rate limit is reported", run: answersLimits },
  { name: "latency, publish to ack", run: measuresLatency },
  { name: "an idle room sleeps", run: sleeps, isSlow: true },
];

async function joinsByWebSocket(target: Target): Promise<string> {
  const member = await target.webSocket({ protocols: ["parlor.v1"] });
  const { protocol, position } = await member.welcome();
  demand(
    member.protocol === "parlor.v1",
    `the subprotocol is ${JSON.stringify(member.protocol)}, not parlor.v1`,
  );
  return `protocol ${protocol}, at ${position}`;
}

async function joinsBySse(target: Target): Promise<string> {
  const member = await target.sse();
  demand(member.status === 200, `status ${member.status}`);
  const type = member.headers.get("content-type") ?? "none";
  demand(type.startsWith("text/event-stream"), `content type ${type}`);
  const { position } = await member.welcome();
  return `at ${position}, reconnects after ${member.retryMs} ms`;
}

async function arrivesUnbuffered(target: Target): Promise<string> {
  const reader = await target.sse();
  const speaker = await target.webSocket();
  await Promise.all([reader.welcome(), speaker.welcome()]);
  const startedAt = performance.now();
  acked(await speaker.publish("smoke", "unbuffered"));
  await reader.inbox.take("message", ({ from }) => from === speaker.member, UNBUFFERED_MS);
  return `an event arrived ${Math.round(performance.now() - startedAt)} ms after it was sent`;
}

async function actsByPost(target: Target): Promise<string> {
  const reader = await target.sse();
  const other = await target.webSocket();
  await Promise.all([reader.welcome(), other.welcome()]);
  const offset = acked(await reader.publish("smoke", "by post"));
  await other.inbox.take("message", (message) => message.offset === offset);
  return `offset ${offset}, received over WebSocket`;
}

async function polls(target: Target): Promise<string> {
  const other = await target.webSocket();
  await other.welcome();
  const poller = new PollingMember(target.url, target.room);
  await poller.poll();
  demand(poller.member !== "", "the first poll has no welcome");
  const news = poller.pollUntil((frame) => frame.type === "message");
  news.catch(() => undefined); // A failure before the `await` below would end the process.
  await delay(POLL_WAITS_MS);
  const startedAt = performance.now();
  const sent = acked(await other.publish("smoke", "to a poll"));
  const { offset } = await news;
  const tookMs = Math.round(performance.now() - startedAt);
  demand(offset === sent, `a poll received offset ${offset}, not ${sent}`);
  demand(tookMs < UNBUFFERED_MS, `a message ended the waiting poll after ${tookMs} ms`);
  const published = acked(
    (await poller.post({ type: "publish", ref: 1, event: "smoke", data: "by a poller" })) as Reply,
  );
  await other.inbox.take("message", (message) => message.offset === published);
  await poller.post({ type: "leave" });
  await other.inbox.take("presence", ({ left }) => left?.some(({ id }) => id === poller.member) === true);
  return `a message ended the waiting poll ${tookMs} ms after it was sent`;
}

async function storesOnce(target: Target): Promise<string> {
  const key = randomKey();
  const member = await target.webSocket({ key });
  await member.welcome();
  const first = acked(await member.publish("smoke", "once", { ref: 1 }));
  const again = await target.webSocket({ key });
  await again.welcome();
  const second = acked(await again.publish("smoke", "once", { ref: 1 }));
  demand(first === second, `the repeated act got offset ${second}, the first one ${first}`);
  return `both got offset ${first}`;
}

async function resumesByWebSocket(target: Target): Promise<string> {
  const speaker = await target.webSocket();
  const key = randomKey();
  const lost = await target.webSocket({ key });
  await Promise.all([speaker.welcome(), lost.welcome()]);
  acked(await speaker.publish("smoke", "before"));
  await lost.inbox.take("message");
  const { position, member } = lost;
  lost.vanish();
  const missed = [
    acked(await speaker.publish("smoke", "missed 1")),
    acked(await speaker.publish("smoke", "missed 2")),
  ];
  const back = await target.webSocket({ key, after: position });
  const welcome = await back.welcome();
  demand(welcome.recovered === true, `not recovered: ${welcome.reason}`);
  demand(welcome.member === member, "reconnected as another member");
  await back.inbox.take("position");
  demandExactly(
    missed,
    back.inbox.messages.map(({ offset }) => offset),
  );
  return `${missed.length} missed messages, exactly`;
}

async function resumesBySse(target: Target): Promise<string> {
  const speaker = await target.webSocket();
  const key = randomKey();
  const lost = await target.sse({ key });
  await Promise.all([speaker.welcome(), lost.welcome()]);
  const { lastEventId } = lost;
  lost.vanish();
  const missed = [
    acked(await speaker.publish("smoke", "missed 1")),
    acked(await speaker.publish("smoke", "missed 2")),
  ];
  const back = await target.sse({ key, lastEventId });
  const welcome = await back.welcome();
  demand(welcome.recovered === true, `not recovered: ${welcome.reason}`);
  await back.inbox.take("position");
  demandExactly(
    missed,
    back.inbox.messages.map(({ offset }) => offset),
  );
  return `${missed.length} missed messages, exactly`;
}

async function refusesAloud(target: Target): Promise<string> {
  const member = await target.webSocket({ query: { key: "not-a-key" } });
  const error = await member.inbox.take("error");
  const { code } = await member.closed;
  demand(code === 4500, `closed with ${code}, not 4500`);
  return `${error.code}, closed ${code}`;
}

async function answersLimits(target: Target): Promise<string> {
  const member = await target.webSocket();
  const { limits } = await member.welcome();
  // So few that the room does not mute or ban the sender, which the next checks need.
  const flood = (limits["messagesBurst"] ?? 0) + Math.floor((limits["maxRefusals"] ?? 0) / 4);
  const items = Array.from({ length: flood }, (_, n) => ({
    type: "publish",
    event: "smoke",
    data: n,
    volatile: true,
  }));
  // In few frames: between single messages, a slow server would have time to grant new ones.
  for (let n = 0; n < flood; n += MAX_ITEMS) member.send(items.slice(n, n + MAX_ITEMS));
  const error = await member.inbox.take("error");
  demand(error.code === "rate_limited", `the error is ${error.code}, not rate_limited`);
  return `${error.code}: ${error.limit}, retry in ${error.retryAfterMs} ms`;
}

async function measuresLatency(target: Target): Promise<string> {
  const member = await target.webSocket();
  await member.welcome();
  const times: number[] = [];
  for (let n = 0; n < ROUND_TRIPS; n++) {
    const startedAt = performance.now();
    acked(await member.publish("smoke", n));
    times.push(performance.now() - startedAt);
  }
  return spread(times);
}

/** Reads the room before and after. An object that was constructed in between has slept. */
async function sleeps(target: Target, progress: (text: string) => void): Promise<string> {
  const socket = await target.webSocket();
  const reader = await target.sse();
  await Promise.all([socket.welcome(), reader.welcome()]);
  const before = await awakeSince(target);
  let hasSlept = false;
  for (const seconds of SLEEPS_S) {
    for (let left = seconds; left > 0; left--) {
      progress(`waiting for the room to fall asleep: ${left} s`);
      socket.ping();
      await socket.inbox.take("pong");
      await delay(1_000);
    }
    hasSlept = (await awakeSince(target)) > before;
    if (hasSlept) break;
  }
  demand(hasSlept, `the room stayed awake with two idle members for ${SLEEPS_S.join(" and ")} s`);
  acked(await socket.publish("smoke", "awake"));
  await reader.inbox.take("message", ({ data }) => data === "awake");
  return "slept with a pinging WebSocket and an SSE stream, woke, and reached both";
}

async function awakeSince({ url, room }: Target): Promise<number> {
  const response = await fetch(`${url}/rooms/${room}`);
  const body = (await response.json()) as { readonly awakeSince?: number };
  demand(typeof body.awakeSince === "number", "the room does not report awakeSince");
  return body.awakeSince ?? 0;
}

async function getJson(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const body = await response.text();
  demand(response.status === 200, `status ${response.status}: ${body.slice(0, 200)}`);
  return body;
}

function acked(reply: Reply): number {
  if (reply.type === "error") throw new Error(`rejected: ${reply.code}: ${reply.message}`);
  if (reply.offset === undefined) throw new Error("the ack has no offset");
  return reply.offset;
}

function demand(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function demandExactly(wanted: readonly number[], got: readonly (number | undefined)[]): void {
  demand(
    wanted.join() === got.join(),
    `missed ${wanted.join(", ")}, was sent ${got.join(", ") || "nothing"}`,
  );
}
