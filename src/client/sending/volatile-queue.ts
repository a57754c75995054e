import type { EncodedFrame } from "./encode.ts";

/** The most messages that wait; beyond it the oldest is dropped. At sixty a second these take four seconds. */
const MAX_WAITING = 256;

interface Waiting extends EncodedFrame {
  /** Messages with the same name may stand for one another. */
  readonly name: string;
}

/**
 * Volatile messages that have not been sent.
 *
 * While sending keeps up, none is left out. Once some are held back, of those with the same name (event, key and
 * addressees) only the newest is kept (rule A4), in the place of the oldest, so that none waits for ever behind a
 * busier one.
 */
export class VolatileQueue {
  #waiting: Waiting[] = [];
  #isHeld = false;

  /** The messages in the order in which to send them. */
  get waiting(): readonly EncodedFrame[] {
    return this.#waiting;
  }

  /** Adds a message. */
  add(name: string, message: EncodedFrame): void {
    this.#put({ ...message, name });
  }

  /** Removes the first, which was sent. */
  sent(): void {
    this.#waiting.shift();
    if (this.#waiting.length === 0) this.#isHeld = false;
  }

  /** What waits could not be sent: until the queue is empty, the newest takes the place of the older. */
  hold(): void {
    if (this.#isHeld || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.clear();
    this.#isHeld = true;
    for (const message of waiting) this.#put(message);
  }

  /** Drops everything: the connection is gone, and volatile messages are sent at most once. */
  clear(): void {
    this.#waiting = [];
    this.#isHeld = false;
  }

  #put(message: Waiting): void {
    const same = this.#isHeld ? this.#waiting.findIndex(({ name }) => name === message.name) : -1;
    if (same >= 0) this.#waiting[same] = message;
    else if (this.#waiting.push(message) > MAX_WAITING) {
      this.hold();
      if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    }
  }
}
