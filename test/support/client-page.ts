import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import type { ConnectionState, TransportName } from "../../src/client/index.ts";
import type { Observation } from "../checker/record.ts";
import type { PageOptions } from "./client-page-script.ts";
import type { DrivenPage } from "./freezable-page.ts";

/** A state of the connection, and when it began, in milliseconds after the join. */
export interface ConnectionNote {
  readonly what: ConnectionState;
  readonly transport?: TransportName;
  readonly reason?: string;
  readonly atMs: number;
}

/** What a page records about its room. */
type Note =
  | Observation
  | ConnectionNote
  | { readonly what: "sent"; readonly id: string }
  | { readonly what: "acked"; readonly id: string; readonly offset: number }
  | { readonly what: "rejected"; readonly id: string; readonly error: string }
  | { readonly what: "cursor"; readonly x: number }
  | { readonly what: "came" | "went"; readonly id: string };

/** What the script in the page offers. */
interface InPage {
  readonly notes: Note[];
  readonly room: {
    readonly self: string;
    readonly position: string;
    readonly key: string;
    readonly connection: { readonly state: ConnectionState; readonly transport?: TransportName };
    close(): void;
    leave(): Promise<void>;
  };
  say(id: string): void;
  point(x: number): void;
  talk(name: string, everyMs: number): void;
  hush(): void;
}

/** A page in a real browser that has joined one room with the client SDK and records what it receives. */
export class ClientPage {
  readonly #page: DrivenPage;

  private constructor(page: DrivenPage) {
    this.#page = page;
  }

  /** Opens a page and joins a room over one transport. */
  static async open(browser: Browser, address: string, transport: TransportName): Promise<ClientPage> {
    const opened = new ClientPage(await browser.newPage({ bypassCSP: true }));
    await opened.#join(address, { transport });
    return opened;
  }

  /** Opens the room's address and joins from there, by default over any transport. Resolves before the client has joined. */
  static async start(browser: Browser, address: string, options: PageOptions = {}): Promise<ClientPage> {
    return ClientPage.startIn(await browser.newPage({ bypassCSP: true }), address, options);
  }

  /** The same in a page of the caller. */
  static async startIn(page: DrivenPage, address: string, options: PageOptions = {}): Promise<ClientPage> {
    const opened = new ClientPage(page);
    await page.goto(address);
    await opened.#start(address, options);
    return opened;
  }

  async #join(address: string, options: PageOptions): Promise<void> {
    await this.#start(address, options);
    await this.until(({ notes }) => notes.some(({ what }) => what === "joined"));
  }

  async #start(address: string, options: PageOptions): Promise<void> {
    await this.#page.addScriptTag({ content: await script() });
    await this.#page.evaluate(([url, how]) => (globalThis as unknown as { start: Start }).start(url, how), [
      address,
      options,
    ] as const);
  }

  /** Loads the page again, and joins again with the same key. */
  async reload(address: string, transport: TransportName): Promise<void> {
    const key = await this.#page.evaluate(() => (globalThis as unknown as InPage).room.key);
    // The server's own page: from a page without an address, the browser may not connect to this machine.
    await this.#page.goto(address);
    await this.#join(address, { transport, key });
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

  /** Publishes a numbered message, `<name>-<number>`, at each interval, until {@link hush} or another interval. */
  talk(name: string, everyMs: number): Promise<void> {
    return this.#page.evaluate(([as, ms]) => (globalThis as unknown as InPage).talk(as, ms), [
      name,
      everyMs,
    ] as const);
  }

  /** Ends {@link talk}. */
  hush(): Promise<void> {
    return this.#page.evaluate(() => (globalThis as unknown as InPage).hush());
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
  self(): Promise<{ self: string; transport: string | undefined; position: string }> {
    return this.#page.evaluate(() => {
      const { self, connection, position } = (globalThis as unknown as InPage).room;
      return { self, transport: connection.transport, position };
    });
  }

  /** The states of the connection so far. */
  async connections(): Promise<readonly ConnectionNote[]> {
    return (await this.notes()).filter((note): note is ConnectionNote => "atMs" in note);
  }

  /** Resolves once the room is open over a transport. */
  async untilOpenOver(transport: TransportName): Promise<void> {
    await this.until(({ room }, name) => room.connection.transport === name, transport);
  }

  async close(): Promise<void> {
    await this.#page.close();
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

type Start = (url: string, options: PageOptions) => void;

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
