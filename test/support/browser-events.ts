import type { Page } from "playwright-core";
import type { ServerFrame } from "../../src/protocol/frames.ts";

/** A browser's own EventSource in a page: it reconnects on its own, without help from Parlor's code. */
export class BrowserEvents {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Opens an EventSource in a page. */
  static async open(page: Page, url: string): Promise<BrowserEvents> {
    await page.evaluate((address) => {
      const frames: unknown[] = [];
      const source = new EventSource(address);
      source.addEventListener("message", ({ data }: MessageEvent<string>) => {
        frames.push(...([JSON.parse(data)] as unknown[]).flat());
      });
      Object.assign(globalThis, { frames, source });
    }, url);
    return new BrowserEvents(page);
  }

  /** Every frame so far. */
  frames(): Promise<ServerFrame[]> {
    return this.#page.evaluate(() => (globalThis as unknown as { frames: ServerFrame[] }).frames);
  }

  /** The page's `EventSource.readyState`: 0 connecting, 1 open, 2 closed. */
  readyState(): Promise<number> {
    return this.#page.evaluate(() => (globalThis as unknown as { source: EventSource }).source.readyState);
  }

  /** Resolves once this many recorded messages have arrived. */
  async untilMessages(count: number): Promise<void> {
    await this.#page.waitForFunction(
      (wanted) =>
        (globalThis as unknown as { frames: { type: string; offset?: number }[] }).frames.filter(
          ({ type, offset }) => type === "message" && offset !== undefined,
        ).length >= wanted,
      count,
    );
  }

  /** Resolves once the EventSource has given up permanently. */
  async untilClosed(): Promise<void> {
    await this.#page.waitForFunction(
      () => (globalThis as unknown as { source: EventSource }).source.readyState === 2,
    );
  }
}
