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
    this.#text = text;
    [this.#epoch, this.#offset] = partsOf(text);
  }

  /**
   * Moves forward to the position of a position frame or of an event's id. Never moves back within one log. Returns whether
   * the position is in another log now.
   */
  advance(text: string): boolean {
    const [epoch, offset] = partsOf(text);
    // An event without an id has no position, so its offset is not a number.
    const isOther = offset >= 0 && epoch !== this.#epoch;
    if (isOther || offset > this.#offset) this.reset(text);
    return isOther;
  }

  /** Moves forward to a message. Returns whether it is new: each message is delivered once. */
  pass(offset: number): boolean {
    if (offset <= this.#offset) return false;
    this.#offset = offset;
    if (this.#epoch !== undefined) this.#text = `${this.#epoch}:${offset}`;
    return true;
  }
}

/** The epoch and the offset of a position. Their form is not checked, because the client trusts its server. */
function partsOf(text: string): [epoch: string | undefined, offset: number] {
  const [epoch, offset] = text.split(":");
  return [epoch, Number(offset)];
}
