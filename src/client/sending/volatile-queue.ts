import type { EncodedFrame } from "./encode.ts";

/** Maximum waiting messages. A further one drops the oldest. At sixty a second these take four seconds. */
const MAX_WAITING = 256;

interface Waiting extends EncodedFrame {
  /** Messages with the same name may replace each other. */
  readonly name: string;
}

/**
 * Volatile messages that have not been sent.
 *
 * While the client can send at once, every message is sent. Once messages are held back, the queue keeps only the newest
 * message of each name (event, key and addressees; rule A4). It takes the place of the older one in the queue, so that a busy
 * name does not delay other names for ever.
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

  /** Removes the first message, which was sent. */
  sent(): void {
    this.#waiting.shift();
    if (this.#waiting.length === 0) this.#isHeld = false;
  }

  /** The waiting messages could not be sent. Until the queue is empty, newer messages replace older ones of the same name. */
  hold(): void {
    if (this.#isHeld || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.clear();
    this.#isHeld = true;
    for (const message of waiting) this.#put(message);
  }

  /** Drops all messages, because the connection is gone and volatile messages are sent at most once. */
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
