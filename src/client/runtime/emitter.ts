/** Tells listeners of typed events. What a listener throws is reported and stops neither the others nor the caller. */
export class Emitter<Events extends object> {
  readonly #listeners: { [Type in keyof Events]?: Set<(event: Events[Type]) => void> } = {};
  readonly #report: (error: unknown) => void;
  #isOver = false;

  /** @param report is handed what listeners throw */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** Adds a listener; the returned function removes it, and may be called more than once. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void {
    const listeners = (this.#listeners[type] ??= new Set());
    // A function of its own for each call: the same listener added twice is two, and each is removed for itself.
    const added = (event: Events[Type]): void => listener(event);
    listeners.add(added);
    return () => void listeners.delete(added);
  }

  /** Calls the listeners that are there now, in the order in which they were added. */
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
