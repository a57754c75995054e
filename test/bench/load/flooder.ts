import { randomKey } from "../../support/rooms.ts";
import type { Identity } from "../contenders/dialect.ts";
import type { Member } from "./member.ts";
import type { LoadTarget } from "./load-target.ts";

/** The published data: 100 bytes without a stamp, because nobody times it. */
const MARK = "flood!";
const PAYLOAD = `"${MARK}${"x".repeat(92)}"`;

/**
 * How long a flooder waits to reconnect when it is closed. Ten of them then join as often as Parlor allows for one address.
 * The limit for addresses is off here, because it is not what is measured.
 */
const RETURN_MS = 1_000;

/** A member that sends more than its limit, and tries to rejoin as the same member when it is closed. */
export class Flooder {
  /** Resolves with its first welcome. */
  readonly ready: Promise<void>;
  readonly #target: LoadTarget;
  readonly #room: number;
  readonly #who: Identity = { key: randomKey() };
  #member: Member;
  #isIn = false;
  #sent = 0;
  #closes = 0;

  constructor(target: LoadTarget, room: number) {
    this.#target = target;
    this.#room = room;
    this.#member = this.#join();
    this.ready = this.#member.ready;
  }

  /** The number of messages that it has sent. */
  get sent(): number {
    return this.#sent;
  }

  /** How many times it was closed. */
  get closes(): number {
    return this.#closes;
  }

  /** Sends a message, unless it is reconnecting. */
  publish(): void {
    if (!this.#isIn) return;
    this.#sent++;
    this.#member.publish(PAYLOAD);
  }

  #return(): void {
    // Ends with the run, which does not wait for it.
    setTimeout(() => {
      if (!this.#target.isOver) this.#member = this.#join();
    }, RETURN_MS).unref();
  }

  #join(): Member {
    const member = this.#target.join(this.#room, {
      who: this.#who,
      read: () => 0,
      onEnd: () => {
        this.#isIn = false;
        this.#closes++;
        this.#return();
      },
    });
    void member.ready.then(
      () => (this.#isIn = true),
      () => undefined, // its end, which is also reported
    );
    return member;
  }
}

/** An additional member that counts the accepted messages of the flood, each of which reaches everyone. */
export class FloodWatcher {
  /** Resolves with its welcome. */
  readonly ready: Promise<void>;
  #seen = 0;

  constructor(target: LoadTarget) {
    this.ready = target.join(0, {
      read: (bytes, start, end) => {
        const count = bytes.toString("latin1", start, end).split(MARK).length - 1;
        this.#seen += count;
        return count;
      },
    }).ready;
  }

  /** The number of messages from flooders so far. */
  get seen(): number {
    return this.#seen;
  }
}
