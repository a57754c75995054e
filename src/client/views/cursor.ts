import { formatPosition, parsePosition } from "../../protocol/positions.ts";

/** How far a client has read a room's log (rule P3). It decides whether a message is new. */
export class Cursor {
  /** The position as text. It is kept even if it is malformed, because the server judges that. */
  #text: string | undefined;
  #epoch: string | undefined;
  #offset = 0;

  /** @param text a position saved from an earlier session */
  constructor(text: string | undefined) {
    this.#text = text;
  }

  /** The position to rejoin with; `undefined` before the first welcome, unless the client joined with a position. */
  get position(): string | undefined {
    return this.#text;
  }

  /** Moves to the position of a welcome, which may be an earlier one. */
  reset(text: string): void {
    const position = parsePosition(text);
    this.#text = text;
    this.#epoch = position?.epoch;
    this.#offset = position?.offset ?? 0;
  }

  /**
   * Moves forward to the position of a position frame or of an event's id. Never moves back within one log. Returns whether
   * the position is in another log now.
   */
  advance(text: string): boolean {
    const position = parsePosition(text);
    if (position === undefined) return false;
    const isOther = position.epoch !== this.#epoch;
    if (isOther || position.offset > this.#offset) this.reset(text);
    return isOther;
  }

  /** Moves forward to a message. Returns whether it is new: each message is delivered once. */
  pass(offset: number): boolean {
    if (this.#epoch === undefined) return true;
    if (offset <= this.#offset) return false;
    this.#offset = offset;
    this.#text = formatPosition({ epoch: this.#epoch, offset });
    return true;
  }
}
