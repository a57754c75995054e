/** Holds the state of the page, and notifies the parts that show it. */
export class Store<State extends object> {
  #state: State;
  readonly #listeners = new Set<(state: State) => void>();

  constructor(initial: State) {
    this.#state = initial;
  }

  get state(): State {
    return this.#state;
  }

  /** Replaces some of the state. Notifies the listeners if anything is different. */
  set(change: Partial<State>): void {
    const next = { ...this.#state, ...change };
    const keys = Object.keys(change) as (keyof State)[];
    if (keys.every((key) => Object.is(next[key], this.#state[key]))) return;
    this.#state = next;
    for (const listener of this.#listeners) listener(next);
  }

  /** Calls the listener at once and after every change. */
  watch(listener: (state: State) => void): void {
    this.#listeners.add(listener);
    listener(this.#state);
  }
}
