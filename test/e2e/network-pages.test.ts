import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransportName } from "../../src/client/index.ts";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { ClientPage } from "../support/client-page.ts";
import { Conversation, FLAWLESS } from "../support/conversation.ts";
import { FreezablePage } from "../support/freezable-page.ts";
import { roomUrl } from "../support/member.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "long-poll"];

/** How long the page in the background is frozen. */
const FROZEN_MS = 20_000;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  server = await startBareRuntime({
    vars: { ADDRESS_LIMITS: "off", GRACE_MS: "60000", POLL_GRACE_MS: "60000" },
  });
  if (browserAvailable.ok) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok).concurrent("a page", () => {
  it.each(TRANSPORTS)(
    `[G1 G3 G4 G9] a page that is offline and online again continues over %s${why}`,
    async (transport) => {
      const room = uniqueRoom();
      const tab = await browser.newPage({ bypassCSP: true });
      const page = await ClientPage.startIn(tab, roomUrl(server.url, room), { transport });
      await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });
      await page.untilOpenOver(transport);
      await conversation.exchange();

      await tab.context().setOffline(true);
      await page.until(({ room: { connection } }) => connection.state !== "open");
      await tab.context().setOffline(false);
      await page.untilOpenOver(transport);
      await conversation.exchange();

      expect(await conversation.end()).toEqual(FLAWLESS);
    },
  );

  it.each(TRANSPORTS)(
    `[G1 G3 G4 G9] a page that is frozen for 20 seconds continues over %s${why}`,
    async (transport) => {
      const room = uniqueRoom();
      const tab = await FreezablePage.open(browser);
      const page = await ClientPage.startIn(tab, roomUrl(server.url, room), { transport });
      await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });
      await page.untilOpenOver(transport);
      await conversation.exchange();

      await tab.setFrozen(true);
      const before = await page.self();
      await delay(FROZEN_MS);
      expect(await page.self()).toEqual(before);
      await tab.setFrozen(false);
      await conversation.exchange();

      expect(await conversation.end()).toEqual(FLAWLESS);
    },
  );
});
