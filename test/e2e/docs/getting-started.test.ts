import type { Browser, Page } from "playwright-core";
import { describe, expect } from "vitest";
import { browserAvailable, launchBrowser } from "../../support/browser.ts";
import { freePort } from "../../support/loopback-port.ts";
import { at, inBackground, scriptsIn } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const [install, worker, config, serve, join, page, script, bundle, demo] = samplesOf(
  "docs/getting-started.md",
  "sh",
  "ts",
  "toml",
  "sh",
  "sh",
  "html",
  "js",
  "sh",
  "sh",
);

const it = itWithServer((project) => project.startWorker(worker, config));

describe("docs/getting-started.md", () => {
  it("docs/getting-started.md installs the package, starts wrangler, and runs the demo with a script of package.json", () => {
    expect(install).toMatch(/^npm install parlor$/m);
    expect(serve).toBe("npx wrangler dev\n");
    expect(scriptsIn(demo)).toEqual({ known: ["dev"], unknown: [] });
  });

  it("[J1] the join from a terminal in docs/getting-started.md receives a welcome", async ({
    project,
    server,
  }) => {
    const { stdout, status } = await project.shell(
      `: > events
       ${inBackground(at(server, join), "curl", "events")}
       until grep welcome events; do sleep 0.05; done`,
    );

    expect(status).toBe(0);
    expect(stdout).toContain('"type":"welcome"');
  });
});

describe.skipIf(!browserAvailable.ok)("the chat page of docs/getting-started.md", () => {
  it(`[G3 G4 G6] the chat page of docs/getting-started.md works in two windows, and stores a message that is sent while the server is down${why}`, async ({
    project,
    server,
  }) => {
    await using browser = await launchBrowser();
    project.write("public/index.html", page);
    project.write("chat.js", at(server, script));
    const port = await freePort();
    // esbuild serves until its input ends, so this input stays open like a terminal's.
    const files = project.start(["bash", "-c", `sleep 300 | ${bundle.replace("8000", String(port))}`]);
    await expect.poll(() => files.output(), { timeout: 20_000 }).toContain(`:${port}`);
    const ana = await openChat(browser, port);
    const ben = await openChat(browser, port);
    await ana.locator("#people", { hasText: "2 here" }).waitFor();

    await say(ana, "hello");
    await ben.locator("li", { hasText: "hello" }).waitFor();
    await server.kill();
    await say(ben, "are you there?");
    await server.restart();

    for (const window of [ana, ben]) {
      await window.locator("li", { hasText: "are you there?" }).waitFor({ timeout: 60_000 });
      expect(await window.locator("li").allTextContents()).toEqual(["hello", "are you there?"]);
    }
    await files.kill();
  });
});

async function openChat(browser: Browser, port: number): Promise<Page> {
  const context = await browser.newContext();
  const window = await context.newPage();
  await window.goto(`http://127.0.0.1:${port}`);
  await window.locator("#people", { hasText: "here" }).waitFor();
  return window;
}

async function say(window: Page, text: string): Promise<void> {
  await window.locator("#text").fill(text);
  await window.locator("#text").press("Enter");
}
