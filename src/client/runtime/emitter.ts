/** Calls the listeners of typed events. An error of a listener is reported; other listeners and the caller continue. */
export class Emitter<Events extends object> {
  readonly #listeners: { [Type in keyof Events]?: Set<(event: Events[Type]) => void> } = {};
  readonly #report: (error: unknown) => void;
  #isOver = false;

  /** @param report receives the errors of listeners */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** Adds a listener; the returned function removes it, and may be called more than once. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void {
    const listeners = (this.#listeners[type] ??= new Set());
    // A new function for each call, so that a listener that was added twice is called twice and removed separately.
    const added = (event: Events[Type]): void => listener(event);
    listeners.add(added);
    return () => void listeners.delete(added);
  }

  /** Calls the current listeners, in the order in which they were added. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#listeners[type] ?? [])]) {
      if (this.#isOver) return;
      try {
        // An asynchronous listener may reject. Nothing else handles that, and Node and Deno end the process for it.
        const done: unknown = listener(event);
        if (done instanceof Promise) done.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** Stops all events. If an event is being emitted, its remaining listeners are not called either. */
  end(): void {
    this.#isOver = true;
  }
}
