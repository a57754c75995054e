import { byId, say } from "./dom.ts";

/** Minimum time between two typing indicators of this member, in milliseconds. */
const TELL_MS = 2_000;

/** How long a member is shown as typing after its last indicator, in milliseconds. */
const SHOWN_MS = 3_500;

/** Sends typing indicators of this member, and shows those of other members. */
export class Typing {
  readonly #tell: () => void;
  readonly #nameOf: (id: string) => string | undefined;
  readonly #typists = new Map<string, number>();
  #toldAt = Number.NEGATIVE_INFINITY;

  /**
   * @param tell sends an indicator
   * @param nameOf returns the name of a member
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

  /** This member has sent its message, so the next letter sends an indicator at once. */
  sent(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  /** Another member is typing. */
  heard(id: string): void {
    clearTimeout(this.#typists.get(id));
    this.#typists.set(
      id,
      setTimeout(() => this.stopped(id), SHOWN_MS),
    );
    this.#show();
  }

  /** Another member has stopped typing, or its message has arrived. */
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
