import { setTimeout as delay } from "node:timers/promises";
import type { Browser, CDPSession } from "playwright-core";

/** The part of a page that tests of the client use. Playwright's pages have it. */
export interface DrivenPage {
  goto(url: string): Promise<unknown>;
  addScriptTag(script: { readonly content: string }): Promise<unknown>;
  /** Calls a function in the page. Its source is sent to the page, so it can use only its argument. */
  evaluate<Result, Argument = void>(
    call: (argument: Argument) => Result | Promise<Result>,
    argument?: Argument,
  ): Promise<Result>;
  /** Resolves once an expression is true in the page. */
  waitForFunction(
    expression: string,
    argument: undefined,
    options: { readonly timeout: number },
  ): Promise<unknown>;
  close(): Promise<void>;
}

/** The answer to a call. An event has no id. */
interface Answer {
  readonly id?: number;
  readonly result?: object;
  readonly error?: object;
}

/** The part of an answer to `Runtime.evaluate` that is used here. */
interface Evaluated {
  readonly result?: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string };
}

/**
 * A page that can be frozen. Playwright's own pages cannot, because Playwright always emulates their focus, and a browser
 * freezes only pages in the background. Playwright leaves pages alone that are in a context of someone else.
 */
export class FreezablePage implements DrivenPage {
  readonly #browser: CDPSession;
  readonly #context: string;
  readonly #session: string;
  readonly #calls = new Map<
    number,
    (message: { readonly result?: object; readonly error?: object }) => void
  >();
  #lastCall = 0;

  private constructor(browser: CDPSession, context: string, session: string) {
    this.#browser = browser;
    this.#context = context;
    this.#session = session;
    browser.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
      if (sessionId !== session) return;
      const answer = JSON.parse(message) as Answer;
      this.#calls.get(answer.id ?? 0)?.(answer);
    });
  }

  static async open(browser: Browser): Promise<FreezablePage> {
    const devTools = await browser.newBrowserCDPSession();
    const { browserContextId } = await devTools.send("Target.createBrowserContext");
    const { targetId } = await devTools.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await devTools.send("Target.attachToTarget", { targetId, flatten: false });
    const page = new FreezablePage(devTools, browserContextId, sessionId);
    await page.#call("Page.enable");
    await page.#call("Page.setBypassCSP", { enabled: true });
    return page;
  }

  /** Freezes the page, as a browser freezes a tab in the background, or continues it. */
  async setFrozen(isFrozen: boolean): Promise<void> {
    await this.#call("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  }

  async goto(url: string): Promise<void> {
    await this.#call("Page.navigate", { url });
    const isLoaded = `location.href === ${JSON.stringify(url)} && document.readyState === "complete"`;
    await this.waitForFunction(isLoaded, undefined, { timeout: 30_000 });
  }

  async addScriptTag({ content }: { readonly content: string }): Promise<void> {
    await this.#evaluate(content);
  }

  async evaluate<Result, Argument = void>(
    call: (argument: Argument) => Result | Promise<Result>,
    argument?: Argument,
  ): Promise<Result> {
    return (await this.#evaluate(`(${call.toString()})(${JSON.stringify(argument)})`)) as Result;
  }

  async waitForFunction(
    expression: string,
    _argument: undefined,
    { timeout }: { readonly timeout: number },
  ): Promise<void> {
    const deadline = Date.now() + timeout;
    while ((await this.#evaluate(expression)) !== true) {
      if (Date.now() > deadline) throw new Error(`after ${timeout} ms this is not true: ${expression}`);
      await delay(50);
    }
  }

  async close(): Promise<void> {
    await this.#browser.send("Target.disposeBrowserContext", { browserContextId: this.#context });
    await this.#browser.detach();
  }

  async #evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails }: Evaluated = await this.#call("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return result?.value;
  }

  async #call(method: string, params: object = {}): Promise<object> {
    const id = ++this.#lastCall;
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    this.#calls.set(id, ({ result, error }) => {
      this.#calls.delete(id);
      if (error === undefined) resolve(result ?? {});
      else reject(new Error(`${method}: ${JSON.stringify(error)}`));
    });
    const message = JSON.stringify({ id, method, params });
    await this.#browser.send("Target.sendMessageToTarget", { sessionId: this.#session, message });
    return promise;
  }
}
