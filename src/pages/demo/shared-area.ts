import type { RoomMessage } from "../../client/index.ts";
import type { Spot } from "./cursor-motion.ts";
import { Cursors } from "./cursors.ts";
import { byId } from "./dom.ts";
import { followPointer } from "./pointer.ts";
import type { Store } from "./store.ts";
import type { Person, View } from "./view.ts";

/** The part of a visit that the area needs. */
export interface Sender {
  send(event: string, data: unknown, key?: string): void;
}

/** The area that shows the cursors of all members. Cursors are volatile messages, so they are not stored. */
export class SharedArea {
  readonly #cursors = new Cursors(byId("cursors", HTMLElement));
  readonly #sender: Sender;
  /** The position of this member's cursor, for members that join later; `undefined` while it is outside of the area. */
  #own: Spot | undefined;
  #people: readonly Person[] = [];

  constructor(store: Store<View>, sender: Sender) {
    this.#sender = sender;
    store.watch(({ people }) => {
      if (people === this.#people) return;
      this.#cursors.setPeople(people);
      const hasNewcomer = people.some(({ id }) => !this.#people.some((known) => known.id === id));
      this.#people = people;
      if (hasNewcomer) this.#sendPosition();
    });
    followPointer(byId("area", HTMLElement), {
      onMove: (spot, byKeys) => {
        this.#own = spot;
        this.#sendPosition();
        const { self } = store.state;
        if (self === undefined) return;
        if (byKeys) this.#cursors.move(self, spot, performance.now());
        else this.#cursors.remove(self);
      },
      onPress: (spot) => {
        sender.send("press", spot);
        if (store.state.self !== undefined) this.#cursors.ripple(store.state.self, spot);
      },
      onLeave: () => {
        this.#own = undefined;
        if (store.state.self !== undefined) this.#cursors.remove(store.state.self);
        this.#sender.send("cursor", null, "cursor");
      },
    });
  }

  /** Handles a volatile message. Messages that are not about a cursor are ignored. */
  receive({ event, from, data }: RoomMessage): void {
    const spot = readSpot(data);
    if (event === "cursor" && spot !== undefined) this.#cursors.move(from, spot, performance.now());
    else if (event === "cursor" && data === null) this.#cursors.remove(from);
    else if (event === "press" && spot !== undefined) this.#cursors.ripple(from, spot);
  }

  #sendPosition(): void {
    if (this.#own !== undefined) this.#sender.send("cursor", this.#own, "cursor");
  }
}

/** Reads a position from untrusted data. */
function readSpot(data: unknown): Spot | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { x, y } = data as { readonly x?: unknown; readonly y?: unknown };
  const isPlace = typeof x === "number" && typeof y === "number" && x >= 0 && x <= 1 && y >= 0 && y <= 1;
  return isPlace ? { x, y } : undefined;
}
