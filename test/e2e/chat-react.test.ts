import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/loopback-port.ts";
import { ProcessGroup } from "../support/process-group.ts";
import { projectRoot, scratchDir, toolEnvironment } from "../support/project.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

/** The folder for pictures of the example, for review. It is not in git. */
const PICTURES = join(projectRoot, "node_modules", ".cache", "parlor", "pictures");

const vite = [process.execPath, join(projectRoot, "node_modules", "vite", "bin", "vite.js")];
const example = join(projectRoot, "examples", "chat-react");

let server: ServerProcess;
let browser: Browser;
let files: ProcessGroup;
let url: string;
const scratch = scratchDir("chat-react");

beforeAll(async () => {
  if (!browserAvailable.ok) return;
  mkdirSync(PICTURES, { recursive: true });
  server = await startBareRuntime({ vars: { ADDRESS_LIMITS: "off" } });
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  files = new ProcessGroup([...vite, "--port", String(port), "--strictPort", "--host", "127.0.0.1"], {
    cwd: example,
    env: { ...toolEnvironment(scratch), VITE_PARLOR_URL: server.url },
  });
  await vi.waitUntil(() => files.output().includes(String(port)), { timeout: 30_000 });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await files?.kill();
  await server?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe.skipIf(!browserAvailable.ok)("examples/chat-react", () => {
  it(`[G3 G4 G6] two pages of examples/chat-react share chat, history, names, cursors and typing, also after the server was killed${why}`, async () => {
    const faults: string[] = [];
    const room = uniqueRoom();
    const ana = await open(room, faults);
    await ana.getByLabel("Your name").fill("Ana");
    await say(ana, "hello");
    const ben = await open(room, faults);
    await ben.getByLabel("Your name").fill("Ben");

    await ben.locator(".message", { hasText: "hello" }).waitFor();
    await ben.locator(".message small", { hasText: "Ana" }).waitFor();
    await ana.getByLabel("2 here").waitFor();
    await ben.getByPlaceholder("Message").fill("I am");
    await ana.locator(".typing", { hasText: "Ben is typing" }).waitFor();
    await say(ben, "hi Ana");
    await ana.locator(".message", { hasText: "hi Ana" }).waitFor();
    await ana.locator(".typing", { hasText: /^$/ }).waitFor({ state: "attached" });
    await ben.mouse.move(200, 300);
    await ben.mouse.move(220, 320);
    await ana.locator(".cursor", { hasText: "Ben" }).waitFor();
    await picture(ana, "desktop");
    await ben.mouse.move(1_200, 300);
    await ana.locator(".cursor").waitFor({ state: "detached" });
    expect(faults).toEqual([]);

    await server.kill();
    await ana.locator(".state", { hasText: "Reconnecting" }).waitFor();
    await say(ana, "sent while the server was down");
    await ana.locator("[data-unsaved]", { hasText: "Sending" }).waitFor();
    await server.restart();

    await ben.locator(".message", { hasText: "sent while the server was down" }).waitFor({ timeout: 60_000 });
    await ana.locator("[data-unsaved]").waitFor({ state: "detached" });
    for (const page of [ana, ben]) {
      expect(await page.locator(".message p").allTextContents()).toEqual([
        "hello",
        "hi Ana",
        "sent while the server was down",
      ]);
    }
    await Promise.all([ana.close(), ben.close()]);
  });

  it.each([
    ["phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
    ["phone-dark", { viewport: { width: 390, height: 844 }, isMobile: true, colorScheme: "dark" }],
    ["dark", { viewport: { width: 1280, height: 800 }, colorScheme: "dark" }],
  ] as const)(`examples/chat-react fits its window: %s${why}`, async (name, options) => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(`${url}/?room=${uniqueRoom()}`);
    await connected(page);
    await say(page, "hello");
    await page.locator(".message:not([data-unsaved])", { hasText: "hello" }).waitFor();

    const overflow = await page.evaluate(() => [
      document.documentElement.scrollWidth - innerWidth,
      document.documentElement.scrollHeight - innerHeight,
    ]);
    expect(Math.max(...overflow)).toBeLessThanOrEqual(0);
    const {
      x = Infinity,
      y = Infinity,
      width = 0,
      height = 0,
    } = (await page.locator("form button").boundingBox()) ?? {};
    expect(x + width).toBeLessThanOrEqual(options.viewport.width);
    expect(y + height).toBeLessThanOrEqual(options.viewport.height);
    await picture(page, name);
    await context.close();
  });

  it("examples/chat-react builds", async () => {
    const build = new ProcessGroup([...vite, "build", "--outDir", join(scratch, "dist"), "--emptyOutDir"], {
      cwd: example,
      env: toolEnvironment(scratch),
    });

    const { code } = await build.exited;

    expect({ code, output: build.output() }).toMatchObject({ code: 0 });
  });
});

async function open(room: string, faults: string[]): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  await page.goto(`${url}/?room=${room}`);
  await connected(page);
  return page;
}

async function connected(page: Page): Promise<void> {
  await page.locator(".state", { hasText: "Connected" }).waitFor({ timeout: 60_000 });
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByPlaceholder("Message").fill(text);
  await page.getByPlaceholder("Message").press("Enter");
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `chat-react-${name}.png`) });
}
