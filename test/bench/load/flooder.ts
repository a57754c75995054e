import { randomKey } from "../../support/rooms.ts";
import type { Identity } from "../contenders/dialect.ts";
import type { Member } from "./member.ts";
import type { LoadTarget } from "./load-target.ts";

/** What it says: 100 bytes, without a stamp, for nobody waits for it. */
const MARK = "flood!";
const SAID = `"${MARK}${"x".repeat(92)}"`;

/**
 * How long it stays away when it is closed. Ten of them then come as often as Parlor lets one address, whose limit is off
 * here: an address's joins are not what is measured.
 */
const RETURN_MS = 1_000;

/** A member of a room who sends more than it may, and tries to come back as the same one when it is closed. */
export class Flooder {
  /** Resolves when it is welcome for the first time. */
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

  /** Messages it has sent. */
  get sent(): number {
    return this.#sent;
  }

  /** How often it was closed. */
  get closes(): number {
    return this.#closes;
  }

  /** Sends a message, unless it is just coming back. */
  publish(): void {
    if (!this.#isIn) return;
    this.#sent++;
    this.#member.publish(SAID);
  }

  #return(): void {
    // Ended with the run, which does not wait for it.
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
      () => undefined, // its end, which is told as well
    );
    return member;
  }
}

/** One more in the room, who counts what of the flood is let through: each message of it reaches everyone. */
export class FloodWatcher {
  /** Resolves when it is welcome. */
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

  /** Messages of flooders so far. */
  get seen(): number {
    return this.#seen;
  }
}
