import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransportName } from "../../src/client/index.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { ClientPage } from "../support/client-page.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", GRACE_MS: "10000" } });
  if (browserAvailable.ok) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok)("a page that goes", () => {
  it.each<TransportName>(["websocket", "sse", "long-poll"])(
    `[A6 M2] a page that calls leave in its event pagehide leaves at once, over %s${why}`,
    async (transport) => {
      const room = uniqueRoom();
      const guest = await joinWebSocket(server, room);
      await guest.welcome();
      const page = await ClientPage.open(browser, roomUrl(server.url, room), transport);
      const { self } = await page.self();

      await page.leaveOnPageHide();

      const { left } = await guest.inbox.take("presence", (frame) => frame.left !== undefined);
      expect(left).toMatchObject([{ id: self, reason: "left" }]);
      guest.vanish();
    },
  );

  it.each<TransportName>(["websocket", "sse", "long-poll"])(
    `[G9 J4] a page that is reloaded with its key is the same member, and is never reported as gone, over %s${why}`,
    async (transport) => {
      const room = uniqueRoom();
      const guest = await joinWebSocket(server, room);
      await guest.welcome();
      const page = await ClientPage.open(browser, roomUrl(server.url, room), transport);
      const before = await page.self();

      await page.reload(roomUrl(server.url, room), transport);
      await page.say("again");

      await guest.inbox.take("message");
      expect(await page.self()).toMatchObject({ self: before.self });
      expect(
        guest.inbox.all.filter((frame) => frame.type === "presence" && frame.left !== undefined),
      ).toEqual([]);
      guest.vanish();
    },
  );
});
