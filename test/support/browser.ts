import { chromium, type Browser } from "playwright-core";
import { findChromium, type Chromium } from "./chromium.ts";

/** Whether browser tests can run on this machine. If not, a test is skipped and gives `why` in its title. */
export type BrowserAvailability = { readonly ok: true } | { readonly ok: false; readonly why: string };

const FLAGS = [
  "--headless",
  "--no-sandbox", // the sandbox refuses to run as root, as in most containers; every page is from this repository
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const found: Chromium | Error = await findChromium().catch((error: unknown) =>
  error instanceof Error ? error : new Error(String(error)),
);

/** Decided when this module is loaded. With `CI=true` a missing browser is an error, so that no test is skipped. */
export const browserAvailable: BrowserAvailability = decide();

/** Starts a real headless Chromium with an empty profile of its own. It ends with this process, or with `close()`. */
export async function launchBrowser(): Promise<Browser> {
  if (found instanceof Error) throw found;
  return chromium.launch({
    executablePath: found.executablePath,
    env: { ...process.env, ...found.env },
    args: FLAGS,
  });
}

function decide(): BrowserAvailability {
  if (!(found instanceof Error)) return { ok: true };
  if (process.env["CI"] === "true") throw found;
  return { ok: false, why: found.message };
}
