import { byId, setText } from "./dom.ts";

/** Minimum time between two typing indicators of this member, in milliseconds. */
const MIN_INTERVAL_MS = 2_000;

/** How long a member is shown as typing after its last indicator, in milliseconds. */
const SHOWN_MS = 3_500;

/** Sends typing indicators of this member, and shows those of other members. */
export class Typing {
  readonly #send: () => void;
  readonly #nameOf: (id: string) => string | undefined;
  readonly #typists = new Map<string, number>();
  #sentAt = Number.NEGATIVE_INFINITY;

  /**
   * @param send sends an indicator
   * @param nameOf returns the name of a member
   */
  constructor(send: () => void, nameOf: (id: string) => string | undefined) {
    this.#send = send;
    this.#nameOf = nameOf;
  }

  /** This member has typed something. */
  typed(now: number): void {
    if (now - this.#sentAt < MIN_INTERVAL_MS) return;
    this.#sentAt = now;
    this.#send();
  }

  /** This member has sent its message, so the next letter sends an indicator at once. */
  sent(): void {
    this.#sentAt = Number.NEGATIVE_INFINITY;
  }

  /** Another member is typing. */
  received(id: string): void {
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
    if (first === undefined) setText(place, "");
    else if (second === undefined) setText(place, `${first} is typing…`);
    else if (rest.length === 0) setText(place, `${first} and ${second} are typing…`);
    else setText(place, "Several people are typing…");
  }
}
