import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MessageFrame, ServerFrame } from "../../src/protocol/frames.ts";
import { BrowserEvents } from "../support/browser-events.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { curlReader } from "../support/curl.ts";
import { joinUrl } from "../support/member.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket, type WebSocketMember } from "../support/websocket-member.ts";

/** Messages of a run. The server is killed after a third and after two thirds of them have been sent. */
const MESSAGES = 90;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", SSE_RETRY_MS: "100" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("a server that is killed with kill -9", () => {
  it.skipIf(!browserAvailable.ok)(
    `[G1 G3 G4 G6 J4 P4 S2] a WebSocket member, curl and Chromium's EventSource resume as the same members after kill -9, and receive every message once${browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`}`,
    async () => {
      const room = uniqueRoom();
      const browser = await launchBrowser();
      const page = await browser.newPage();
      const watched = await BrowserEvents.open(
        page,
        joinUrl(server.url, room, "/events", { key: randomKey() }),
      );
      const [listenerKey, speakerKey] = [randomKey(), randomKey()];
      const events = joinUrl(server.url, room, "/events", { key: randomKey() });
      let speaker = await joinWebSocket(server, room, { key: speakerKey });
      let listener = await joinWebSocket(server, room, { key: listenerKey });
      let reader = curlReader(events);
      await Promise.all([speaker.welcome(), listener.welcome(), reader.inbox.take("welcome")]);
      const ids = [listener.member, speaker.member];
      const [received, read] = [[] as ServerFrame[], [] as ServerFrame[]];

      for (let life = 0; life < 3; life++) {
        const refs = oneTo(MESSAGES / 3).map((ref) => (life * MESSAGES) / 3 + ref);
        const unanswered = await speakUntilKilled(speaker, refs, life < 2 ? server : undefined);
        if (life === 2) break;
        await Promise.all([speaker.closed, listener.closed, reader.exited]);
        received.push(...listener.inbox.all);
        read.push(...reader.inbox.all);
        await server.restart();
        speaker = await joinWebSocket(server, room, { key: speakerKey, after: speaker.position });
        listener = await joinWebSocket(server, room, { key: listenerKey, after: listener.position });
        reader = curlReader(events, { "Last-Event-ID": reader.stream.lastEventId });
        const welcomes = await Promise.all([
          speaker.welcome(),
          listener.welcome(),
          reader.inbox.take("welcome"),
        ]);
        expect(welcomes.map(({ recovered }) => recovered)).toEqual([true, true, true]);
        expect([listener.member, speaker.member]).toEqual(ids);
        await Promise.all(unanswered.map((ref) => say(speaker, ref)));
      }
      for (const { inbox } of [listener, reader]) {
        await inbox.until(({ messages }) => messages.at(-1)?.offset === MESSAGES);
      }
      received.push(...listener.inbox.all);
      read.push(...reader.inbox.all);
      await watched.untilMessages(MESSAGES);
      const frames = await watched.frames();

      expect(recorded(received).map(({ offset }) => offset)).toEqual(oneTo(MESSAGES));
      expect(
        recorded(received)
          .map(({ data }) => data)
          .toSorted(byNumber),
      ).toEqual(oneTo(MESSAGES));
      expect(recorded(read)).toEqual(recorded(received));
      expect(recorded(frames)).toEqual(recorded(received));
      const welcomes = frames.filter((frame) => frame.type === "welcome");
      expect(welcomes.length).toBeGreaterThanOrEqual(3);
      expect(new Set(welcomes.map(({ member }) => member)).size).toBe(1);
      speaker.vanish();
      listener.vanish();
      reader.kill();
      await browser.close();
    },
  );
});

/** Publishes one message per ref, all at once, and kills the server after the first acks. Returns the refs without an ack. */
async function speakUntilKilled(
  speaker: WebSocketMember,
  refs: readonly number[],
  victim: ServerProcess | undefined,
): Promise<number[]> {
  const acked = new Set<number>();
  const published = refs.map((ref) => say(speaker, ref).then(() => acked.add(ref)));
  if (victim === undefined) await Promise.all(published);
  else {
    await Promise.race(published);
    await victim.kill();
    await Promise.allSettled(published);
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
