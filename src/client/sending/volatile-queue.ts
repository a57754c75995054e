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
  /** By name while messages are held back, and otherwise by the message itself. */
  readonly #waiting = new Map<unknown, Waiting>();
  #isHeld = false;

  /** The messages in the order in which to send them. */
  get waiting(): Iterable<EncodedFrame> {
    return this.#waiting.values();
  }

  /** Adds a message. */
  add(name: string, message: EncodedFrame): void {
    this.#put({ ...message, name });
    if (this.#waiting.size <= MAX_WAITING) return;
    this.hold();
    if (this.#waiting.size > MAX_WAITING) this.sent();
  }

  /** Removes the first message, which was sent or is dropped. */
  sent(): void {
    for (const key of this.#waiting.keys()) {
      this.#waiting.delete(key);
      break;
    }
    if (this.#waiting.size === 0) this.#isHeld = false;
  }

  /** The waiting messages could not be sent. Until the queue is empty, newer messages replace older ones of the same name. */
  hold(): void {
    if (this.#isHeld || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.values()];
    this.clear();
    this.#isHeld = true;
    for (const message of waiting) this.#put(message);
  }

  /** Drops all messages, because the connection is gone and volatile messages are sent at most once. */
  clear(): void {
    this.#waiting.clear();
    this.#isHeld = false;
  }

  #put(message: Waiting): void {
    this.#waiting.set(this.#isHeld ? message.name : message, message);
  }
}
