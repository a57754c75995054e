import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import type { Observation } from "../checker/record.ts";
import type { TransportName } from "../../src/client/index.ts";

/** What a page records about its room. */
type Note =
  | Observation
  | { readonly what: "acked"; readonly id: string; readonly offset: number }
  | { readonly what: "cursor"; readonly x: number }
  | { readonly what: "came" | "went"; readonly id: string };

/** What the script in the page offers. */
interface InPage {
  readonly notes: Note[];
  readonly room: {
    readonly self: string;
    readonly transport: string;
    readonly position: string;
    readonly key: string;
    close(): void;
    leave(): Promise<void>;
  };
  say(id: string): void;
  point(x: number): void;
}

/** A page in a real browser that has joined one room with the client SDK and records what it receives. */
export class ClientPage {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Opens a page and joins a room over one transport. */
  static async open(browser: Browser, address: string, transport: TransportName): Promise<ClientPage> {
    const opened = new ClientPage(await browser.newPage({ bypassCSP: true }));
    await opened.#join(address, transport);
    return opened;
  }

  async #join(address: string, transport: TransportName, key?: string): Promise<void> {
    await this.#page.addScriptTag({ content: await script() });
    await this.#page.evaluate(
      ([url, name, own]) => (globalThis as unknown as { start: Start }).start(url, name, own),
      [address, transport, key] as const,
    );
    await this.until(({ notes }) => notes.some(({ what }) => what === "joined"));
  }

  /** Loads the page again, and joins again with the same key. */
  async reload(address: string, transport: TransportName): Promise<void> {
    const key = await this.#page.evaluate(() => (globalThis as unknown as InPage).room.key);
    // The server's own page: from a page without an address, the browser may not connect to this machine.
    await this.#page.goto(address);
    await this.#join(address, transport, key);
  }

  /** Goes to another page. This page leaves its room in the event `pagehide`. */
  async leaveOnPageHide(): Promise<void> {
    await this.#page.evaluate(() =>
      addEventListener("pagehide", () => void (globalThis as unknown as InPage).room.leave()),
    );
    await this.#page.goto("about:blank?other");
  }

  /** Publishes a message with an id that the test chooses. */
  say(id: string): Promise<void> {
    return this.#page.evaluate((text) => (globalThis as unknown as InPage).say(text), id);
  }

  /** Sends a volatile cursor. */
  point(x: number): Promise<void> {
    return this.#page.evaluate((at) => (globalThis as unknown as InPage).point(at), x);
  }

  /** Everything recorded so far. */
  notes(): Promise<readonly Note[]> {
    return this.#page.evaluate(() => (globalThis as unknown as InPage).notes);
  }

  /** The member's id, the transport in use and the position. */
  self(): Promise<{ self: string; transport: string; position: string }> {
    return this.#page.evaluate(() => {
      const { self, transport, position } = (globalThis as unknown as InPage).room;
      return { self, transport, position };
    });
  }

  /** Resolves once a condition holds in the page. Its source is sent to the page, so it can use only its argument. */
  async until(claim: (page: InPage, argument: string) => boolean, argument = ""): Promise<void> {
    await this.#page.waitForFunction(
      `(${claim.toString()})(globalThis, ${JSON.stringify(argument)})`,
      undefined,
      {
        timeout: 90_000,
      },
    );
  }
}

type Start = (url: string, transport: TransportName, key: string | undefined) => void;

let built: Promise<string> | undefined;

/** The SDK and the recorder of its events, as one script for a page. */
function script(): Promise<string> {
  built ??= build({
    entryPoints: [fileURLToPath(new URL("client-page-script.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2023",
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? "");
  return built;
}
