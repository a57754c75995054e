import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { BrowserEvents } from "../support/browser-events.ts";
import { UNSPENT_VARS } from "../support/budgets.ts";
import { curlReader } from "../support/curl.ts";
import { Flow } from "../support/flow.ts";
import { joinUrl } from "../support/member.ts";
import { randomKey, uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    vars: {
      ADDRESS_LIMITS: "off",
      GRACE_MS: "0",
      SSE_HEARTBEAT_MS: "1000",
      SSE_RETRY_MS: "100",
      SSE_MAX_FRAMES: "10",
    },
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("SSE readers of other projects", () => {
  it("[G9 S3] the member of a killed curl leaves the room at a heartbeat, and other members are notified", async () => {
    const room = uniqueRoom();
    const ana = await joinWebSocket(server, room);
    await ana.welcome();
    const reader = curlReader(joinUrl(server.url, room, "/events", { key: randomKey() }));
    const { member } = await reader.inbox.take("welcome");
    await ana.inbox.take("presence", ({ joined }) => joined?.[0]?.id === member);

    reader.kill();

    const { left } = await ana.inbox.take("presence", (frame) => frame.left !== undefined);
    expect(left).toEqual([{ id: member, reason: expect.stringMatching(/left|disconnected/) as string }]);
    ana.vanish();
  });

  it("[G7 S4 L5] a curl that stops reading is sent at most a window, does not delay other members, and receives everything after it reads again", async () => {
    // There is no proxy before this server, so that little is buffered and the reader's window is soon full.
    await using own = await startBareRuntime({
      vars: {
        ...UNSPENT_VARS,
        ROOM_BYTES_PER_SECOND: "67108864",
        ROOM_BYTES_BURST: "67108864",
      },
    });
    const room = uniqueRoom();
    const ana = await joinWebSocket(own, room, { query: { flow: "1" } });
    await ana.welcome();
    const speaker = new Flow(ana);
    const reader = curlReader(joinUrl(own.url, room, "/events", { key: randomKey() }));
    await reader.inbox.take("welcome");
    reader.stall();

    for (let n = 1; n <= 200; n++) {
      expect(await ana.publish("big", "x".repeat(60_000))).toMatchObject({ type: "ack", offset: n });
      speaker.say();
    }
    reader.resume();
    await reader.inbox.take("position", ({ position }) => position.endsWith(":200")); // it has received the log

    expect(reader.inbox.messages).toEqual(ana.inbox.messages);
    ana.vanish();
    reader.kill();
  });

  it.skipIf(!browserAvailable.ok)(
    `[S4 S5] an EventSource receives every message over streams that end after ten frames${why}`,
    async () => {
      const room = uniqueRoom();
      await using browser = await launchBrowser();
      const page = await browser.newPage();
      const events = await BrowserEvents.open(
        page,
        joinUrl(server.url, room, "/events", { key: randomKey() }),
      );
      const ana = await joinWebSocket(server, room);
      for (let n = 1; n <= 30; n++)
        expect(await ana.publish("count", n)).toMatchObject({ type: "ack", offset: n });
      await events.untilMessages(30);

      const frames = await events.frames();
      const offsets = frames.flatMap((frame) => (frame.type === "message" ? [frame.offset] : []));
      expect(offsets).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      expect(frames).toContainEqual({
        type: "close",
        code: 4006,
        reason: "stream rotated; reconnect to resume",
      });
      ana.vanish();
    },
  );

  it.skipIf(!browserAvailable.ok)(
    `[J5 S5 S6] an EventSource that another connection replaces receives the close and stops${why}`,
    async () => {
      const room = uniqueRoom();
      await using browser = await launchBrowser();
      const page = await browser.newPage();
      const key = randomKey();
      const events = await BrowserEvents.open(page, joinUrl(server.url, room, "/events", { key }));
      await page.waitForFunction(() => (globalThis as unknown as { frames: unknown[] }).frames.length > 0);

      const newer = await joinWebSocket(server, room, { key });
      await newer.welcome();
      await events.untilClosed();

      expect((await events.frames()).at(-1)).toMatchObject({ type: "close", code: 4504 });
      newer.ping();
      await newer.inbox.take("pong");
      newer.vanish();
    },
  );

  it.skipIf(!browserAvailable.ok)(
    `[S6 S7] an EventSource at an invalid room name receives the error and stops${why}`,
    async () => {
      await using browser = await launchBrowser();
      const page = await browser.newPage();
      const events = await BrowserEvents.open(page, `${server.url}/rooms/a%20b/events`);
      await events.untilClosed();

      expect(await events.frames()).toMatchObject([
        { type: "error", code: "bad_room" },
        { type: "close", code: 4500 },
      ]);
    },
  );

  it.skipIf(!browserAvailable.ok)(
    `[H4] a page of another origin whose fetch is patched by tracing agents reads events and sends acts${why}`,
    async () => {
      const room = uniqueRoom();
      await using browser = await launchBrowser();
      const page = await browser.newPage();

      const answered = await page.evaluate(async (url) => {
        const traced = (address: string, init: RequestInit = {}): Promise<Response> => {
          const headers = new Headers(init.headers);
          for (const name of ["traceparent", "tracestate", "baggage", "sentry-trace"])
            headers.set(name, "00-1");
          return fetch(address, { ...init, headers });
        };
        const stream = await traced(`${url}/events`);
        const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
        let text = "";
        while (!text.includes('"welcome"')) text += new TextDecoder().decode((await reader.read()).value);
        const [, session, key] = /"session":"([^"]+)","key":"([^"]+)"/.exec(text) ?? [];
        const body = JSON.stringify({ type: "publish", ref: 1, event: "e", data: 1 });
        const headers = { "Content-Type": "application/json", "Parlor-Session": `${session}.${key}` };
        const acted = await traced(`${url}/messages`, { method: "POST", headers, body });
        return [stream.status, acted.status];
      }, `${server.url}/rooms/${room}`);

      expect(answered).toEqual([200, 200]);
    },
  );
});
