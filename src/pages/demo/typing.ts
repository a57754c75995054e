import { byId, say } from "./dom.ts";

/** How often the others are told that one goes on typing, in milliseconds. */
const TELL_MS = 2_000;

/** How long after the last sign somebody counts as typing, in milliseconds. */
const SHOWN_MS = 3_500;

/** Tells the others that this member types, and shows who of them does. */
export class Typing {
  readonly #tell: () => void;
  readonly #nameOf: (id: string) => string | undefined;
  readonly #typists = new Map<string, number>();
  #toldAt = Number.NEGATIVE_INFINITY;

  /**
   * @param tell sends the sign
   * @param nameOf the name of somebody who is here
   */
  constructor(tell: () => void, nameOf: (id: string) => string | undefined) {
    this.#tell = tell;
    this.#nameOf = nameOf;
  }

  /** This member has typed something. */
  typed(now: number): void {
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#tell();
  }

  /** This member's message is sent: the next letter is news again. */
  sent(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  /** Somebody types. */
  heard(id: string): void {
    clearTimeout(this.#typists.get(id));
    this.#typists.set(
      id,
      setTimeout(() => this.stopped(id), SHOWN_MS),
    );
    this.#show();
  }

  /** Somebody does not type any more: the message is here. */
  stopped(id: string): void {
    clearTimeout(this.#typists.get(id));
    if (this.#typists.delete(id)) this.#show();
  }

  #show(): void {
    const names = [...this.#typists.keys()].flatMap((id) => this.#nameOf(id) ?? []);
    const [first, second, ...rest] = names;
    const place = byId("typing", HTMLElement);
    if (first === undefined) say(place, "");
    else if (second === undefined) say(place, `${first} is typing…`);
    else if (rest.length === 0) say(place, `${first} and ${second} are typing…`);
    else say(place, "Several people are typing…");
  }
}
