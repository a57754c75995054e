import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import type { MessageFrame, ServerFrame } from "../../src/protocol/frames.ts";
import { BrowserEvents } from "../support/browser-events.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { curlReader } from "../support/curl.ts";
import { joinUrl } from "../support/member.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket, type WebSocketMember } from "../support/websocket-member.ts";

/** Messages of one run; the server is killed after a third and after two thirds of them were sent. */
const MESSAGES = 90;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", SSE_RETRY_MS: "100" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("the server killed with kill -9 under its members", () => {
  it("[G1 G3 G4 G6 J4 P4] a WebSocket member and a curl reader go on by position: nothing lost, nothing doubled, the same members", async () => {
    const room = uniqueRoom();
    const [listenerKey, readerKey, speakerKey] = [randomKey(), randomKey(), randomKey()];
    const events = joinUrl(server.url, room, "/events", { key: readerKey });
    let speaker = await joinWebSocket(server, room, { key: speakerKey });
    let listener = await joinWebSocket(server, room, { key: listenerKey });
    let reader = curlReader(events);
    await Promise.all([speaker.welcome(), listener.welcome(), reader.inbox.take("welcome")]);
    const [ids, heard, read] = [
      [listener.member, speaker.member],
      [...listener.inbox.all],
      [] as ServerFrame[],
    ];

    for (let life = 0; life < 3; life++) {
      const refs = Array.from({ length: MESSAGES / 3 }, (_, index) => (life * MESSAGES) / 3 + index + 1);
      const unanswered = await speakUntilKilled(speaker, refs, life < 2 ? server : undefined);
      if (life === 2) break;
      await Promise.all([speaker.closed, listener.closed, reader.exited]);
      const position = listener.position;
      heard.push(...listener.inbox.all);
      read.push(...reader.inbox.all);
      await server.restart();
      const lastEventId = reader.stream.lastEventId;
      speaker = await joinWebSocket(server, room, { key: speakerKey, after: speaker.position });
      listener = await joinWebSocket(server, room, { key: listenerKey, after: position });
      reader = curlReader(events, { "Last-Event-ID": lastEventId });
      const welcomes = await Promise.all([
        speaker.welcome(),
        listener.welcome(),
        reader.inbox.take("welcome"),
      ]);
      expect(welcomes.map(({ recovered }) => recovered)).toEqual([true, true, true]);
      expect([listener.member, speaker.member]).toEqual(ids);
      await Promise.all(unanswered.map((ref) => say(speaker, ref)));
    }
    await Promise.all(
      [listener.inbox, reader.inbox].map((inbox) =>
        inbox.until(({ messages }) => messages.at(-1)?.offset === MESSAGES),
      ),
    );
    heard.push(...listener.inbox.all);
    read.push(...reader.inbox.all);

    expect(recorded(heard).map(({ offset }) => offset)).toEqual(oneTo(MESSAGES));
    expect(
      recorded(heard)
        .map(({ data }) => data)
        .toSorted(byNumber),
    ).toEqual(oneTo(MESSAGES));
    expect(recorded(read)).toEqual(recorded(heard));
    speaker.vanish();
    listener.vanish();
    reader.kill();
  });

  it.skipIf(!browserAvailable.ok)(
    `[G4 G6 S2] a plain EventSource in Chromium comes back by itself as the same member and misses nothing${browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`}`,
    async () => {
      const room = uniqueRoom();
      const browser: Browser = await launchBrowser();
      const page = await browser.newPage();
      const url = joinUrl(server.url, room, "/events", { key: randomKey() });
      const events = await BrowserEvents.open(page, url);
      const speakerKey = randomKey();
      let speaker = await joinWebSocket(server, room, { key: speakerKey });
      await Promise.all([1, 2, 3].map((ref) => say(speaker, ref)));
      await events.untilMessages(3);

      await server.kill();
      await server.restart();
      speaker = await joinWebSocket(server, room, { key: speakerKey });
      await Promise.all([4, 5, 6].map((ref) => say(speaker, ref)));
      await events.untilMessages(6);

      const frames = await events.frames();
      expect(recorded(frames).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6]);
      const welcomes = frames.filter((frame) => frame.type === "welcome");
      expect(welcomes.length).toBeGreaterThanOrEqual(2);
      expect(new Set(welcomes.map(({ member }) => member)).size).toBe(1);
      speaker.vanish();
      await browser.close();
    },
  );
});

/** Publishes one message per ref, all at once, and kills the server after the first few acks; returns refs without one. */
async function speakUntilKilled(
  speaker: WebSocketMember,
  refs: readonly number[],
  victim: ServerProcess | undefined,
): Promise<number[]> {
  const acked = new Set<number>();
  const said = refs.map((ref) => say(speaker, ref).then(() => acked.add(ref)));
  if (victim === undefined) await Promise.all(said);
  else {
    await Promise.race(said);
    await victim.kill();
    await Promise.allSettled(said);
  }
  return refs.filter((ref) => !acked.has(ref));
}

async function say(speaker: WebSocketMember, ref: number): Promise<void> {
  expect(await speaker.publish("count", ref, { ref })).toMatchObject({ type: "ack", ref });
}

function recorded(frames: readonly ServerFrame[]): MessageFrame[] {
  return frames.filter((frame) => frame.type === "message").filter(({ offset }) => offset !== undefined);
}

function oneTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

function byNumber(a: unknown, b: unknown): number {
  return Number(a) - Number(b);
}
