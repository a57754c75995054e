import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { describe, expect } from "vitest";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { browserAvailable, launchBrowser } from "../../support/browser.ts";
import { absolute } from "../../support/repository.ts";
import { at } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { programsIn, samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const samples = samplesOf("docs/react.md", "tsx", "tsx", "tsx", "tsx", "tsx", "tsx", "tsx");
const [chat = "", components = "", ...others] = programsIn(samples);

/** Renders every component that the page defines in its second program. */
const RENDER = `
import { createRoot } from "react-dom/client";
import { RoomProvider } from "parlor/react";

createRoot(document.querySelector("#root")!).render(
  <RoomProvider url="http://localhost:8787/rooms/parts" options={{ presence: { name: "Ana" } }}>
    <Status /><Members /><NameField /><Votes /><Reactions /><Log />
  </RoomProvider>
);
`;

const it = itWithServer(() => startBareRuntime());

describe.skipIf(!browserAvailable.ok)("docs/react.md", () => {
  it(`[G3] the first sample of docs/react.md is a chat, in which two pages see each other's messages${why}`, async ({
    server,
  }) => {
    expect(others).toEqual([]);
    await using browser = await launchBrowser();
    const ana = await open(browser, at(server, chat));
    await ana.getByRole("button").click();
    await ana.locator("p", { hasText: "hello" }).waitFor();

    const ben = await open(browser, at(server, chat));
    await ben.locator("p", { hasText: "hello" }).waitFor();
    await ben.getByRole("button").click();

    for (const page of [ana, ben]) {
      await page.locator("p").nth(1).waitFor();
      expect(await page.locator("p").allTextContents()).toEqual(["hello", "hello"]);
    }
  });

  it(`[T2] the components of docs/react.md show and change a room${why}`, async ({ server }) => {
    await using browser = await launchBrowser();
    const logged: string[] = [];
    const page = await open(browser, at(server, `${components}${RENDER}`), logged);
    await page.getByText("open", { exact: true }).waitFor();
    const ben = await joinWebSocket(server, "parts", { presence: { name: "Ben" } });
    await ben.welcome();

    await page.getByLabel("2 here").waitFor();
    await page.locator("input").fill("Ada");
    await page.locator("li", { hasText: '{"name":"Ada"}' }).waitFor();
    await page.locator("li", { hasText: '{"name":"Ben"}' }).waitFor();
    await page.getByText("0 votes").click();
    await page.getByText("1 votes").waitFor();
    expect(await page.getByTitle("votes").count()).toBe(1);
    await page.getByText("Applaud").click();
    expect(await ben.inbox.take("message")).toMatchObject({ event: "reaction", data: "👏" });
    ben.publishVolatile("reaction", "hooray");
    await expect.poll(() => logged).toContain("reaction hooray");
    await ben.publish("note", 1);
    await page.getByText("note: 1").waitFor();
    ben.vanish();
  });
});

/** Opens a page that runs a program, which is built as an application would build it. */
async function open(browser: Browser, code: string, logged: string[] = []): Promise<Page> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: absolute(""), loader: "tsx" },
    bundle: true,
    write: false,
    format: "iife",
    target: "es2023",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    alias: { "parlor/react": absolute("src/react/index.ts") },
  });
  const page = await browser.newPage();
  page.on("console", (message) => logged.push(message.text()));
  await page.setContent('<div id="root"></div>');
  await page.addScriptTag({ content: outputFiles[0]?.text ?? "" });
  return page;
}
