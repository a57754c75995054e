import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { ClientPage } from "../support/client-page.ts";
import { Conversation, FLAWLESS } from "../support/conversation.ts";
import { roomUrl } from "../support/member.ts";
import { Nginx, nginxAvailable } from "../support/nginx.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { WebProxy, type WebSocketRule } from "../support/web-proxy.ts";

const missing = [browserAvailable, nginxAvailable].find(({ ok }) => !ok);
const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;
const whyNginx = missing === undefined || missing.ok ? "" : ` (skipped: ${missing.why})`;

/** nginx as it is after an installation, which forwards no WebSockets. */
const PLAIN = "proxy_buffering on;";

/** The same, and it buffers streams although the server asks it not to. */
const BUFFERING = `${PLAIN} proxy_ignore_headers X-Accel-Buffering;`;

/** nginx with the lines for WebSockets of its own documentation. */
const FORWARDING =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

/** An interval at which messages do not fill nginx's buffer before the client gives the stream up, in milliseconds. */
const SLOW_MS = 2_000;

let server: ServerProcess;
let browser: Browser;
let port: number;

beforeAll(async () => {
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off", GRACE_MS: "60000" } });
  port = Number(new URL(server.url).port);
  if (browserAvailable.ok) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok).concurrent("a page behind a proxy", () => {
  it.each<[string, WebSocketRule]>([
    ["responds to WebSockets with 403", "refuse"],
    ["accepts WebSockets and forwards nothing", "swallow"],
    ["forwards nothing after the welcome", "stall"],
    ["closes WebSockets after the welcome", "drop"],
  ])(`[G1 G3 G4 G5 G9] a page behind a proxy that %s continues over SSE${why}`, async (_what, rule) => {
    const room = uniqueRoom();
    await using proxy = await WebProxy.to(port, rule);
    const page = await ClientPage.start(browser, roomUrl(proxy.url, room));
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });

    await page.untilOpenOver("sse");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
    expect((await page.self()).transport).toBe("sse");
  });

  it(`[G1 G3 G4 G5 G9] a page that moves to a network without WebSockets continues over SSE${why}`, async () => {
    const room = uniqueRoom();
    await using proxy = await WebProxy.to(port, "pass");
    const page = await ClientPage.start(browser, roomUrl(proxy.url, room));
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });
    await page.untilOpenOver("websocket");
    await conversation.exchange();

    proxy.webSockets = "refuse";
    proxy.cut();
    await page.untilOpenOver("sse");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
  });

  it(`[G1 G3 G4 G5 G9] a page returns to WebSocket without a gap once a proxy forwards WebSockets again${why}`, async () => {
    const room = uniqueRoom();
    await using proxy = await WebProxy.to(port, "refuse");
    const page = await ClientPage.start(browser, roomUrl(proxy.url, room), { trialAfterMs: 1_000 });
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });
    await page.untilOpenOver("sse");
    await conversation.exchange();

    proxy.webSockets = "pass";
    await page.untilOpenOver("websocket");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
  });
});

describe.skipIf(missing !== undefined).concurrent("a page behind nginx", () => {
  it(`[G1 G3 G4 G5 S1] a page behind nginx with its defaults continues over SSE, because nginx does not buffer the stream${whyNginx}`, async () => {
    const room = uniqueRoom();
    await using nginx = await Nginx.to(port, PLAIN);
    const page = await ClientPage.start(browser, roomUrl(nginx.url, room));
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });

    await page.untilOpenOver("sse");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
    expect((await page.self()).transport).toBe("sse");
  });

  it(`[G1 G3 G4 G5 G9] a page behind an nginx that buffers streams continues over long-poll, and returns to WebSocket without a gap once nginx forwards WebSockets${whyNginx}`, async () => {
    const room = uniqueRoom();
    await using nginx = await Nginx.to(port, BUFFERING);
    const page = await ClientPage.start(browser, roomUrl(nginx.url, room), { trialAfterMs: 1_000 });
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page }, SLOW_MS);

    await page.untilOpenOver("long-poll");
    await conversation.exchange();
    await nginx.reload(FORWARDING);
    await page.untilOpenOver("websocket");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
    expect((await page.connections()).find(({ what }) => what === "open")).toMatchObject({
      transport: "long-poll",
    });
  });

  it(`[G1 G3 G4 G5 G9] a page whose stream nginx delivers in parts of 4 KB continues over long-poll once the room has fewer messages${whyNginx}`, async () => {
    const room = uniqueRoom();
    await using nginx = await Nginx.to(port, BUFFERING);
    const page = await ClientPage.start(browser, roomUrl(nginx.url, room));
    await using conversation = await Conversation.begin(roomUrl(server.url, room), { page });
    await page.untilOpenOver("sse");

    await conversation.setInterval(SLOW_MS);
    await page.untilOpenOver("long-poll");
    await conversation.exchange();

    expect(await conversation.end()).toEqual(FLAWLESS);
  });
});
