import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinRoom } from "../../src/client/index.ts";
import { browserAvailable, launchBrowser } from "../support/browser.ts";
import { roomUrl } from "../support/member.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startServer } from "../support/server.ts";

const why = browserAvailable.ok ? "" : ` (skipped: ${browserAvailable.why})`;

const WIDTHS = [320, 360, 390, 768, 1280, 1920];

/** The longest possible room name, which cannot be broken into lines. */
const LONG_NAME = "a-room-with-a-name-that-goes-on-and-on".padEnd(128, "-on");

/** The texts and controls of the page, which must not cover one another. */
const PARTS =
  ".room, .brand, #me, #others > li, #count, #pill, #theme, #share, .tally, #banner, #card, .segments label, #drop, #chat";

/** The minimum contrast of normal text (WCAG 2.2, 1.4.3). */
const LEAST_CONTRAST = 4.5;

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  if (!browserAvailable.ok) return;
  server = await startServer({ vars: { ADDRESS_LIMITS: "off" } });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe.skipIf(!browserAvailable.ok)("the layout of the demo", () => {
  it.each([1, 5, 50])(
    `[G5] no part of the demo covers another or is cut off in a room of %i members, at 320 to 1920 pixels, while connected, disconnected and offline${why}`,
    async (members) => {
      const name = members === 50 ? LONG_NAME : `layout-${members}`;
      const url = roomUrl(server.url, name);
      const others = Array.from({ length: members - 1 }, () => joinRoom(url));
      const page = await open(name);
      if (members > 1) await page.locator("#count", { hasText: `${members} here` }).waitFor();
      else await page.locator("#card").waitFor();

      const faults = await faultsByWidth(page, "connected");
      await page.context().setOffline(true);
      await page.locator("#pill-state", { hasText: "Offline" }).waitFor({ state: "attached" });
      faults.push(...(await faultsByWidth(page, "offline")));
      await page.context().setOffline(false);
      await page.locator("#drop").click();
      await page.locator("#banner", { hasText: "dropped" }).waitFor();
      faults.push(...(await faultsByWidth(page, "cut off")));

      expect(faults).toEqual([]);
      for (const other of others) other.close();
      await page.context().close();
    },
  );

  it(`[G5] the demo does not show a connected state while its page is offline${why}`, async () => {
    const page = await open("offline");

    await page.context().setOffline(true);

    await page.locator("#pill[data-tone=wait]", { hasText: "Offline" }).waitFor();
    expect(await page.locator("#pill-transport").textContent()).toBe("");
    await page.context().close();
  });

  it(`[G5] the demo shows a connected state with a server on this machine while the browser has no network${why}`, async () => {
    const page = await browser.newPage();
    await page.addInitScript(() => Object.defineProperty(navigator, "onLine", { get: () => false }));

    await page.goto(`${server.url}?room=local`);

    await page.locator("#pill-state", { hasText: "Connected" }).waitFor({ state: "attached" });
    expect(await page.locator("#pill").getAttribute("data-tone")).toBe("good");
    await page.close();
  });

  it.each([
    { device: "a touch device", hasTouch: true, shown: "Move a finger here, or tap." },
    { device: "a computer", hasTouch: false, shown: "Move the mouse, click, or use the arrow keys." },
  ])(`[G8] the demo explains the cursors with words that fit $device${why}`, async ({ hasTouch, shown }) => {
    const context = await browser.newContext({ hasTouch, isMobile: hasTouch });
    const page = await context.newPage();

    await page.goto(`${server.url}?room=pointer`);

    expect(await page.locator(".whisper").innerText()).toBe(`${shown} Everybody in the room sees it.`);
    await context.close();
  });

  it.each(["light", "dark"] as const)(
    `[G5] a pending and a failed message have enough contrast in the demo's %s theme${why}`,
    async (colorScheme) => {
      const page = await open(`contrast-${colorScheme}`, colorScheme);
      await page.locator("#drop").click();
      await page.locator("#draft").fill("written while the connection is cut");
      await page.locator("#draft").press("Enter");
      const message = page.locator(".message.own[data-delivery=sending]");
      await message.waitFor();

      const contrasts = await message.evaluate((element) => {
        for (const animation of element.getAnimations({ subtree: true })) animation.finish();
        const bubble = element.querySelector(".bubble") as HTMLElement;
        const pending = contrastOf(bubble);
        element.setAttribute("data-delivery", "failed");
        return [pending, contrastOf(bubble)];

        /** The contrast of an element's text on its own background, by WCAG 2.2. It is 0 if the element is not opaque. */
        function contrastOf(element: HTMLElement): number {
          const { color, backgroundColor, opacity } = getComputedStyle(element);
          if (opacity !== "1") return 0;
          const [text, ground] = [color, backgroundColor].map(luminanceOf) as [number, number];
          return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        }

        function luminanceOf(color: string): number {
          const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext(
            "2d",
          );
          if (context === null) throw new Error("no canvas");
          context.fillStyle = color;
          context.fillRect(0, 0, 1, 1);
          const [red = 0, green = 0, blue = 0] = [...context.getImageData(0, 0, 1, 1).data].map((channel) => {
            const share = channel / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        }
      });

      for (const contrast of contrasts) expect(contrast).toBeGreaterThanOrEqual(LEAST_CONTRAST);
      await page.context().close();
    },
  );

  it(`[W1] the demo does not claim that messages are stored in a room that stores nothing${why}`, async () => {
    const page = await open("cursors:layout");

    await page.locator("#chat-empty", { hasText: "not stored" }).waitFor();
    await page.locator("#draft").fill("hello");
    await page.locator("#draft").press("Enter");

    const tick = page.locator(".message.own[data-delivery=stored] .tick");
    expect(await tick.getAttribute("title")).toContain("not stored");
    await page.context().close();
  });
});

async function open(room: string, colorScheme: "light" | "dark" = "light"): Promise<Page> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${server.url}?room=${room}`);
  await page.locator("#pill-state", { hasText: "Connected" }).waitFor({ state: "attached" });
  return page;
}

/** Finds the parts that cover others, are cut off, or lie outside of the window, at each width. */
async function faultsByWidth(page: Page, state: string): Promise<string[]> {
  const faults: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 768 ? 740 : 800 });
    // The latency is as wide as it may be, and changes the space for the avatars.
    for (const latency of state === "connected" ? ["3 ms", "17 ms", "888 ms"] : [undefined]) {
      if (latency !== undefined) {
        await page
          .locator("#pill-latency")
          .evaluate((element, text) => (element.textContent = text), latency);
      }
      const found = await page.evaluate(faultsOfLayout, PARTS);
      faults.push(...found.map((fault) => `${width} px, ${state}, ${latency}: ${fault}`));
    }
  }
  return faults;
}

/** Runs in the page. */
function faultsOfLayout(parts: string): string[] {
  const boxes = [...document.querySelectorAll<HTMLElement>(parts)].flatMap((element) => {
    const box = element.getBoundingClientRect();
    const clip = (element.closest("#others") ?? document.documentElement).getBoundingClientRect();
    // A face in a clipped row is not visible.
    const isSeen = box.width > 0 && box.height > 0 && box.top < clip.bottom - 1;
    const isCut = box.left < clip.left - 1 || box.right > clip.right + 1;
    return isSeen ? [{ element, box, isCut }] : [];
  });
  const nameOf = (element: HTMLElement): string =>
    element.id || element.className || element.textContent || element.tagName;
  const faults = boxes
    .filter(({ box, isCut }) => isCut || box.bottom > innerHeight + 1)
    .map(({ element }) => `${nameOf(element)} is cut off, or outside of the window`);
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) {
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Adjacent faces overlap by 6 pixels on purpose.
      const mayTouch =
        a.element.parentElement === b.element.parentElement && a.element.matches("#others > li");
      if (across > (mayTouch ? 8 : 1) && down > 1)
        faults.push(`${nameOf(a.element)} covers ${nameOf(b.element)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  return faults;
}
