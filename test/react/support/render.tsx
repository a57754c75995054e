import "./dom.ts";
import { act, type ReactNode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { onTestFinished } from "vitest";
import { settled } from "../../client/support/fake-world.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** React components in a document. They are unmounted when the test has finished. */
export class Page {
  readonly container: HTMLElement = document.createElement("div");
  #root: Root | undefined;

  constructor() {
    onTestFinished(() => this.unmount());
  }

  /** The text that the components show. */
  get text(): string {
    return this.container.textContent;
  }

  /** Renders, and runs effects. */
  async render(node: ReactNode): Promise<void> {
    await change(() => {
      this.#root ??= createRoot(this.container);
      this.#root.render(node);
    });
  }

  /** Shows the HTML of a server, and renders the same components over it. */
  async hydrate(html: string, node: ReactNode, onError: (error: unknown) => void): Promise<void> {
    this.container.innerHTML = html;
    await change(() => {
      this.#root = hydrateRoot(this.container, node, { onRecoverableError: onError });
    });
  }

  /** Unmounts everything, and waits until what React's unmount has put off is done. */
  async unmount(): Promise<void> {
    await change(() => this.#root?.unmount());
    this.#root = undefined;
    await afterTimers();
  }
}

/** Changes something that components show, and waits until they show it. */
export async function change(what: () => void): Promise<void> {
  await act(async () => {
    what();
    await settled();
  });
}

/** Waits for the timers of no delay that are running now. Timers with the same delay fire in order. */
export async function afterTimers(): Promise<void> {
  await act(() => new Promise<void>((resolve) => void setTimeout(resolve)));
  await settled();
}
