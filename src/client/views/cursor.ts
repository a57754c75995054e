import { formatPosition, parsePosition } from "../../protocol/positions.ts";

/** How far a client has read a room's log (rule P3), and so what it has seen before. */
export class Cursor {
  /** As it travels; kept as it was brought, for a malformed one is the server's to judge. */
  #text: string | undefined;
  #epoch: string | undefined;
  #offset = 0;

  /** @param text a position saved from an earlier visit */
  constructor(text: string | undefined) {
    this.#text = text;
  }

  /** The position to come back with; `undefined` before the first welcome of a client that brought none. */
  get position(): string | undefined {
    return this.#text;
  }

  /** Goes to where a welcome says; back, too. */
  reset(text: string): void {
    const position = parsePosition(text);
    this.#text = text;
    this.#epoch = position?.epoch;
    this.#offset = position?.offset ?? 0;
  }

  /**
   * Goes on to where a position frame, or the id of an event, says; never back within one log. Returns whether it is
   * in another log now.
   */
  advance(text: string): boolean {
    const position = parsePosition(text);
    if (position === undefined) return false;
    const isOther = position.epoch !== this.#epoch;
    if (isOther || position.offset > this.#offset) this.reset(text);
    return isOther;
  }

  /** Goes on to a message. Returns whether it is new: one that was seen before must not be told twice. */
  pass(offset: number): boolean {
    if (this.#epoch === undefined) return true;
    if (offset <= this.#offset) return false;
    this.#offset = offset;
    this.#text = formatPosition({ epoch: this.#epoch, offset });
    return true;
  }
}
