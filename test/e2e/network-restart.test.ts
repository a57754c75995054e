import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinRoom, type TransportName } from "../../src/client/index.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { ClientPage } from "../support/client-page.ts";
import { Conversation, FLAWLESS } from "../support/conversation.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

/** How long the server is down: long enough for several attempts. */
const DOWN_MS = 3_000;

const CLIENTS = 100;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off", GRACE_MS: "60000" } });
  if (browserAvailable.ok) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe("a server that is killed and started again", () => {
  it.skipIf(!browserAvailable.ok)(
    `[G1 G2 G3 G4 G5 G6 G9] pages over each transport continue after a kill -9 of the server, and a page that may choose stays on WebSocket${why}`,
    async () => {
      const room = uniqueRoom();
      const address = roomUrl(server.url, room);
      const [websocket, sse, longPoll, any] = await Promise.all(
        (["websocket", "sse", "long-poll", undefined] as const).map((transport) =>
          ClientPage.start(browser, address, { ...(transport && { transport }) }),
        ),
      );
      if (!websocket || !sse || !longPoll || !any) throw new Error("four pages were opened");
      await using conversation = await Conversation.begin(address, { websocket, sse, longPoll, any });
      await conversation.exchange();

      await server.kill();
      await delay(DOWN_MS);
      await server.restart();
      await conversation.exchange();

      expect(await conversation.end()).toEqual(FLAWLESS);
      expect((await any.self()).transport).toBe("websocket");
    },
  );

  it(`[G3 G4 G6 G9] ${CLIENTS} clients rejoin after a kill -9 of the server as the same members, and lose no message`, async () => {
    const room = uniqueRoom();
    const transports: readonly TransportName[] = ["websocket", "sse", "long-poll"];
    const clients = Array.from({ length: CLIENTS }, (_, n) =>
      joinRoom(roomUrl(server.url, room), {
        mode: "count",
        ...(n % 10 < 3 && { transports: transports.slice(n % 10, (n % 10) + 1) }),
      }),
    );
    const seen = clients.map((client) => {
      const offsets: number[] = [];
      client.on("message", ({ offset }) => void (offset !== undefined && offsets.push(offset)));
      return offsets;
    });
    await expect.poll(() => clients.every(({ self }) => self !== undefined), { timeout: 30_000 }).toBe(true);
    const members = clients.map(({ self }) => self);

    await server.kill();
    const published = Promise.all(clients.map((client) => client.publish("chat", "during")));
    await server.restart();
    await published;

    await expect
      .poll(() => seen.map((offsets) => offsets.length), { timeout: 60_000 })
      .toEqual(Array<number>(CLIENTS).fill(CLIENTS));
    for (const offsets of seen) expect(offsets).toEqual(offsets.map((_, index) => index + 1));
    expect(clients.map(({ self }) => self)).toEqual(members);
    expect(
      clients.filter(({ connection }, n) => n % 10 >= 3 && connection.transport !== "websocket"),
    ).toEqual([]);
    for (const client of clients) client.close();
  });
});
