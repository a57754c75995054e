import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinRoom } from "../../src/client/index.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/loopback-port.ts";
import { roomUrl } from "../support/member.ts";
import { projectRoot, scratchDir } from "../support/project.ts";
import { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

/** The folder for pictures of the pages, for review. It is not in git. */
const PICTURES = join(projectRoot, "node_modules", ".cache", "parlor", "pictures");

/** In a room with more members than this, members receive only their number. */
const LIST_MAX = 3;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  if (!browserAvailable.ok) return;
  mkdirSync(PICTURES, { recursive: true });
  server = await startServer({ vars: { ADDRESS_LIMITS: "off", PRESENCE_LIST_MAX: String(LIST_MAX) } });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok)("the demo", () => {
  it(`[G5 G8] two windows of the demo that share a link see each other's cursor, chat and presence, also over SSE${why}`, async () => {
    const faults: string[] = [];
    const ana = await open("/", faults);
    await ana.waitForURL(/room=/);
    await connected(ana);
    await picture(ana, "empty");
    const ben = await open(`${new URL(ana.url()).search}&transport=sse`, faults);
    await connected(ben);
    expect(await ben.locator("#pill-transport").textContent()).toContain("SSE");
    expect(await ana.locator("#pill-transport").textContent()).toContain("WebSocket");

    await say(ana, "hello from a WebSocket");
    await untilShown(ben, "hello from a WebSocket");
    await say(ben, "hello over SSE");
    await untilShown(ana, "hello over SSE");
    await ben.mouse.move(300, 300);
    await ben.mouse.move(320, 320);
    await ana.locator("#cursors > *").first().waitFor();
    await ana.mouse.move(200, 200);
    await ana.mouse.move(220, 220);
    await ben.locator("#cursors > *").first().waitFor();
    expect(await ana.locator("#count").textContent()).toContain("2");
    await picture(ana, "desktop");

    expect(faults).toEqual([]);
    await Promise.all([ana.close(), ben.close()]);
  });

  it(
    `[G5] npm run dev serves the demo to two connected windows within a minute${why}`,
    { timeout: 60_000 },
    async () => {
      const startedAt = performance.now();
      await using own = await startWithNpm();
      const ana = await open(own.url, []);
      await ana.waitForURL(/room=/);
      const ben = await open(ana.url(), []);
      await Promise.all([connected(ana), connected(ben)]);
      await say(ana, "hello");
      await untilShown(ben, "hello");

      console.log(`from npm run dev to two live windows: ${Math.round(performance.now() - startedAt)} ms`);
      expect(own.output()).not.toMatch(/^\s+at /m);
      await Promise.all([ana.close(), ben.close()]);
    },
  );

  it(`[G5 Q1] a window of the demo in which a person chooses long-poll sends and receives chat over it${why}`, async () => {
    const faults: string[] = [];
    const ana = await open("/", faults);
    await ana.waitForURL(/room=/);
    const ben = await open(new URL(ana.url()).search, faults);
    await connected(ben);

    await ben.locator(".segments label", { hasText: "Long-poll" }).click();
    await ben.locator("#pill-transport", { hasText: "Long-poll" }).waitFor();
    await connected(ben);
    await say(ana, "hello from a WebSocket");
    await untilShown(ben, "hello from a WebSocket");
    await say(ben, "hello over long-poll");
    await untilShown(ana, "hello over long-poll");

    expect(faults).toEqual([]);
    await Promise.all([ana.context().close(), ben.context().close()]);
  });

  it(`[G3 G4 G6] the demo's chat loses no message when its connection is dropped and the server is killed${why}`, async () => {
    const ana = await open("/", []);
    await ana.waitForURL(/room=/);
    await connected(ana);
    const ben = await open(`${new URL(ana.url()).search}&transport=sse`, []);
    await connected(ben);

    await ana.locator("#drop").click();
    await say(ben, "sent while disconnected");
    await untilShown(ana, "sent while disconnected");
    await server.restart();
    await say(ana, "sent after the server was killed");
    await untilShown(ben, "sent after the server was killed");
    await say(ben, "received");
    await untilShown(ana, "received");

    for (const page of [ana, ben]) {
      const bubbles = await page.locator("#messages .bubble").allTextContents();
      expect(bubbles.map((text) => text.trim())).toMatchObject(
        ["sent while disconnected", "sent after the server was killed", "received"].map(
          (text) => expect.stringContaining(text) as string,
        ),
      );
    }
    await Promise.all([ana.close(), ben.close()]);
  });

  it(`[T1 T2 G5] the demo's shared number counts every press of two windows at once${why}`, async () => {
    const faults: string[] = [];
    const ana = await open("/", faults);
    await ana.waitForURL(/room=/);
    await connected(ana);
    const ben = await open(`${new URL(ana.url()).search}&transport=sse`, faults);
    await connected(ben);

    const press = async (page: Page): Promise<void> => {
      for (let n = 0; n < 20; n++) await page.locator("#tally-more").click();
    };
    await Promise.all([press(ana), press(ben)]);
    await ben.locator("#drop").click();
    await ben.locator("#tally-less").click();
    await ana.locator("#tally-more").click();
    await ana.locator("#tally-more").click();

    for (const page of [ana, ben]) {
      await page.locator("#tally:not([data-pending])", { hasText: /^41$/ }).waitFor();
    }
    const cem = await open(new URL(ana.url()).search, faults);
    await cem.locator("#tally", { hasText: /^41$/ }).waitFor();
    await picture(ana, "tally");
    // Over SSE, concurrent presses are rejected with a status that the browser logs as an error.
    expect(faults.filter((fault) => !fault.includes("409 (Conflict)"))).toEqual([]);
    await Promise.all([ana.close(), ben.close(), cem.close()]);
  });

  it(`[M3 M6] the demo shows a crowd as a number, and lists the members again when they are few enough${why}`, async () => {
    const faults: string[] = [];
    const ana = await open("/", faults);
    await ana.waitForURL(/room=/);
    await connected(ana);
    const room = new URL(ana.url()).searchParams.get("room") ?? "";
    const others = Array.from({ length: LIST_MAX + 1 }, () => joinRoom(roomUrl(server.url, room)));

    await ana.locator("#count", { hasText: `${LIST_MAX + 2} here` }).waitFor();
    await ana.locator("#others .more", { hasText: `+${LIST_MAX + 1}` }).waitFor();
    expect(await ana.locator("#others .avatar").count()).toBe(0);
    await picture(ana, "crowd");
    for (const other of others.slice(1)) void other.leave();

    await ana.locator("#count", { hasText: "2 here" }).waitFor();
    await ana.locator("#others .avatar").waitFor();
    expect(faults).toEqual([]);
    others[0]?.close();
    await ana.close();
  });

  it(`[L5 C1] a window of the demo that is closed as slow reports that, and reconnects${why}`, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    let slow: (() => Promise<void>) | undefined;
    await page.routeWebSocket(/\/rooms\//, (socket) => {
      socket.connectToServer();
      slow = () => socket.close({ code: 4003, reason: "the member reads too slowly" });
    });
    await page.goto(server.url);
    await connected(page);

    await slow?.();

    await page.locator("#banner", { hasText: "did not keep up" }).waitFor();
    await connected(page);
    await page.locator("#banner", { hasText: "did not keep up" }).waitFor({ state: "hidden" });
    expect(await page.locator("#pill-state").textContent()).toBe("Connected");
    await context.close();
  });

  it(`[G5] the demo fits a phone, and has a dark theme${why}`, async () => {
    for (const [name, options] of [
      ["phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
      ["dark", { colorScheme: "dark" }],
    ] as const) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      await page.goto(server.url);
      await connected(page);

      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
      await picture(page, name);
      await context.close();
    }
  });
});

/** Starts the server like README does, with its own storage. */
async function startWithNpm(): Promise<ServerProcess> {
  const scratch = scratchDir("npm");
  const port = await freePort();
  return ServerProcess.start({
    command: [
      "npm",
      "run",
      "dev",
      "--",
      "--port",
      String(port),
      "--persist-to",
      scratch,
      "--inspector-port",
      "0",
    ],
    cwd: projectRoot,
    env: { ...process.env, HOME: scratch },
    port,
    storage: scratch,
    scratch: [scratch],
  });
}

/** Opens the demo in a window with its own storage, and collects its errors. */
async function open(path: string, faults: string[]): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  await page.goto(new URL(path, server.url).href);
  return page;
}

async function connected(page: Page): Promise<void> {
  await page.locator("#pill-state", { hasText: "Connected" }).waitFor({ state: "attached" }); // a phone shows only the dot
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator("#draft").fill(text);
  await page.locator("#draft").press("Enter");
}

async function untilShown(page: Page, text: string): Promise<void> {
  await page.locator("#messages .bubble", { hasText: text }).waitFor({ timeout: 60_000 });
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
