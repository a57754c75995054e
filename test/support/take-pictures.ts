import { writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./browser.ts";
import { absolute } from "./repository.ts";
import { startServer } from "./server.ts";

/** The pictures in README, by color scheme. */
const PICTURES = { light: "docs/demo.png", dark: "docs/demo-dark.png" } as const;

/** The size of the window in the picture, in CSS pixels. The picture has twice as many pixels in each direction. */
const VIEWPORT = { width: 1120, height: 660 };

/** The maximum size of a picture, because README loads one. */
const MAX_BYTES = 250_000;

/** The members, with the positions of their cursors as shares of the shared area. The picture shows the first one's window. */
const MEMBERS = [
  { name: "Ana", colour: "violet", transport: "auto", x: 0.72, y: 0.84 },
  { name: "Ben", colour: "teal", transport: "sse", x: 0.3, y: 0.42 },
  { name: "Chidi", colour: "amber", transport: "auto", x: 0.62, y: 0.33 },
  { name: "Dora", colour: "rose", transport: "auto", x: 0.45, y: 0.66 },
] as const;

const CHAT = [
  ["Ben", "I am on the train, so over SSE today"],
  ["Chidi", "Your cursor is right here"],
  ["Dora", "Lost my connection in the lift"],
  ["Dora", "Nothing is missing, the chat caught up"],
  ["Ana", "Three votes for Friday then?"],
  ["Ben", "Friday it is"],
] as const;

const browser = await launchBrowser();
const server = await startServer({ vars: { ADDRESS_LIMITS: "off" } });
try {
  const pages = new Map<string, Page>();
  for (const member of MEMBERS) pages.set(member.name, await open(browser, member));
  for (const page of pages.values()) await page.locator("#count", { hasText: `${MEMBERS.length}` }).waitFor();
  for (const [name, text] of CHAT) await publish(pageOf(pages, name), text);
  for (const name of ["Ben", "Chidi", "Dora"]) await pageOf(pages, name).locator("#tally-more").click();
  const shown = pageOf(pages, "Ana");
  await shown.locator("#messages .bubble", { hasText: "Friday it is" }).waitFor();
  await shown.locator("#tally:not([data-pending])", { hasText: /^3$/ }).waitFor();
  for (const [scheme, file] of Object.entries(PICTURES)) {
    await shown.emulateMedia({ colorScheme: scheme as keyof typeof PICTURES });
    await pageOf(pages, "Chidi").locator("#draft").pressSequentially("On");
    for (const member of MEMBERS.toReversed()) await point(pageOf(pages, member.name), member);
    await shown.waitForTimeout(600); // cursors move to their positions in an animation
    const picture = await shown.screenshot({ animations: "disabled" });
    if (picture.length > MAX_BYTES)
      throw new Error(`${file} has ${picture.length} bytes, the limit is ${MAX_BYTES}`);
    writeFileSync(absolute(file), picture);
    console.log(`${file}: ${picture.length} bytes`);
  }
} finally {
  await browser.close();
  await server[Symbol.asyncDispose]();
}

/** Opens the demo as a member, in a window with its own storage. */
async function open(browser: Browser, { name, colour, transport }: (typeof MEMBERS)[number]): Promise<Page> {
  const context = await browser.newContext({ viewport: VIEWPORT, deviceScaleFactor: 2 });
  const profile = JSON.stringify({ name, colour });
  await context.addInitScript((text) => localStorage.setItem("parlor.profile", text), profile);
  const page = await context.newPage();
  await page.goto(`${server.url}/?room=friday-plans&transport=${transport}`);
  await page.locator("#pill-state", { hasText: "Connected" }).waitFor();
  return page;
}

function pageOf(pages: ReadonlyMap<string, Page>, name: string): Page {
  const page = pages.get(name);
  if (page === undefined) throw new Error(`there is no member ${name}`);
  return page;
}

async function publish(page: Page, text: string): Promise<void> {
  await page.locator("#draft").fill(text);
  await page.locator("#draft").press("Enter");
  await page.locator("#messages .bubble", { hasText: text }).waitFor();
}

/** Moves a member's cursor. */
async function point(page: Page, { x, y }: { readonly x: number; readonly y: number }): Promise<void> {
  const area = await page.locator("#area").boundingBox();
  if (area === null) throw new Error("the demo has no shared area");
  await page.mouse.move(area.x + area.width * x - 20, area.y + area.height * y - 20);
  await page.mouse.move(area.x + area.width * x, area.y + area.height * y, { steps: 4 });
}
