import { clampDelay } from "../../protocol/durations.ts";
import { MAX_ITEMS, type AckFrame, type ErrorFrame } from "../../protocol/frames.ts";
import { backoffMs, type BackoffBounds } from "../connection/backoff.ts";
import { ParlorError, errorOfFrame } from "../error.ts";
import { withRef, type EncodedFrame } from "./encode.ts";
import type { Link } from "../connection/link.ts";
import type { PendingActs } from "./pending-acts.ts";
import { Pacer, limitOf, type Limits } from "./pacer.ts";
import { recoveryOf } from "../recovery.ts";
import type { Clock, Timers } from "../runtime/timers.ts";
import { VolatileQueue } from "./volatile-queue.ts";

/** How long to leave a busy transport alone, in milliseconds. One that answers says itself when it is ready. */
const BUSY_MS = 50;

/** How often in a window to say what was read: as often as rule L5 asks. */
const REPORTS_PER_WINDOW = 4;

/** The budget whose rejections come before the room has read the frame, and so have no refs. */
const UNREAD = "roomBytesPerSecond";

/** An act, or a volatile message if it has no ref, ready to be sent. Its bytes are counted in the connection's dialect. */
type Item = EncodedFrame & { readonly ref?: number };

/**
 * Brings acts and volatile messages out to the room: acts first and in order, several to a frame, within the room's
 * limits, and the acts again until they are answered.
 */
export class Sender {
  readonly #pendingActs: PendingActs;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #bounds: BackoffBounds;
  readonly #volatile = new VolatileQueue();
  readonly #pacer = new Pacer();
  #link: Link | undefined;
  #maxFrameBytes = Infinity;
  /** What was read over this connection, how much of it was said to be, and how often to say so; in UTF-16 units. */
  #read = 0;
  #reported = 0;
  #reportEvery = Infinity;
  #isScheduled = false;
  /** How often in a row the room said to wait, and not how long. */
  #holds = 0;

  constructor(pendingActs: PendingActs, clock: Clock, timers: Timers, bounds: BackoffBounds) {
    this.#pendingActs = pendingActs;
    this.#clock = clock;
    this.#timers = timers;
    this.#bounds = bounds;
  }

  /** Goes on over a connection that has been welcomed: what was not answered over the last is sent again. */
  attach(link: Link, { limits, time }: { readonly limits: Limits; readonly time: number }): void {
    this.#link = link;
    this.#maxFrameBytes = limitOf(limits, "maxFrameBytes");
    this.#read = this.#reported = 0;
    this.#reportEvery = limitOf(limits, "windowChars") / REPORTS_PER_WINDOW;
    this.#pendingActs.begin(time);
    this.#pacer.setLimits(limits, this.#clock.now());
    this.#pendingActs.allAgain();
    this.schedule();
  }

  /** Stops sending until the next {@link attach}. Volatile messages are dropped. */
  detach(): void {
    this.#link = undefined;
    this.#volatile.clear();
    this.#timers.clear("flush");
  }

  /** Queues a volatile message; without a connection it is dropped. Those of one name may stand for one another. */
  sendVolatile(name: string, message: EncodedFrame): void {
    if (this.#link === undefined || this.#sizeAlone(message) > this.#maxFrameBytes) return;
    this.#volatile.add(name, message);
    this.schedule();
  }

  /** Sends once the caller is done: what it does in one go leaves in one frame. */
  schedule(): void {
    if (this.#isScheduled || this.#link === undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /**
   * Notes how much was read, in UTF-16 units, and says so when it is due: at once, for while the window is full nothing
   * more comes. It is within no budget, but the server counts it, so what follows has to wait for it.
   */
  read(chars: number): void {
    this.#read += chars;
    if (this.#read - this.#reported < this.#reportEvery) return;
    this.#reported = this.#read;
    const text = JSON.stringify({ type: "seen", chars: this.#read });
    this.#pacer.spend(1, text.length);
    this.#link?.send({ text, refs: [] });
  }

  /** Sends what may be sent now, and sees to it that the rest follows. */
  flush(): void {
    this.#timers.clear("flush");
    while (this.#link !== undefined) {
      const { items, bytes, nextMs } = this.#load();
      const waitMs = items.length === 0 ? nextMs : this.#link.isBusy ? BUSY_MS : 0;
      if (waitMs === undefined) return;
      if (waitMs > 0) {
        this.#volatile.hold();
        return this.#timers.set("flush", waitMs, () => this.flush());
      }
      for (const { ref } of items) {
        if (ref === undefined) this.#volatile.sent();
        else this.#pendingActs.sent(ref, this.#clock.now());
      }
      this.#pacer.spend(items.length, bytes);
      const texts = items.map(({ text }) => text).join(",");
      this.#link.send({
        text: items.length === 1 ? texts : `[${texts}]`,
        refs: items.map(({ ref }) => ref),
      });
    }
  }

  /** The room did an act. */
  acknowledged({ ref, offset }: AckFrame): void {
    this.#holds = 0;
    if (ref !== undefined) this.#pendingActs.acknowledge(ref, offset);
  }

  /** The room refused an act or a message. Where it says to come back, that is the caller's to do. */
  refused(error: ErrorFrame): void {
    const { ref, retryAfterMs } = error;
    const recovery = recoveryOf(error);
    const now = this.#clock.now();
    // The items of one frame are refused one by one, for one reason: that is one hold.
    if (recovery === "wait" && (retryAfterMs !== undefined || !this.#pacer.isHeld(now))) {
      const ms = retryAfterMs ?? backoffMs(this.#bounds, this.#holds++, 0, this.#clock.random);
      this.#pacer.hold(clampDelay(ms), now);
    }
    if (ref === undefined) {
      if (error.limit === UNREAD) {
        this.#pendingActs.allAgain(); // The error does not say which acts. Acts that took effect get their first answers again.
        this.schedule();
      }
      return;
    }
    if (recovery === "give up") return this.#pendingActs.refuse(ref, errorOfFrame(error));
    this.#pendingActs.again(ref);
    this.schedule();
  }

  /**
   * Chooses what goes into the next frame.
   *
   * @returns its size as an array; and how long until more may go, in milliseconds: `undefined` if nothing is left, or
   * the frame is full
   */
  #load(): { readonly items: readonly Item[]; readonly bytes: number; readonly nextMs: number | undefined } {
    const items: Item[] = [];
    let bytes = 1;
    for (const item of this.#waiting()) {
      const total = bytes + item.bytes + 1;
      if (items.length === MAX_ITEMS || (items.length > 0 && total > this.#maxFrameBytes)) break;
      const nextMs = this.#pacer.waitMs(items.length + 1, total, this.#clock.now());
      if (nextMs > 0) return { items, bytes, nextMs };
      items.push(item);
      bytes = total;
    }
    return { items, bytes, nextMs: undefined };
  }

  *#waiting(): Generator<Item> {
    for (const act of this.#pendingActs.unsent(this.#clock.now())) {
      const { ref } = act;
      const frame = withRef(act, ref);
      const bytes = this.#sizeAlone(frame);
      if (bytes <= this.#maxFrameBytes) yield { ...this.#measured(frame), ref };
      // Refused by the room it would be as a whole frame, without its ref, and never be answered.
      else this.#pendingActs.refuse(ref, tooLarge(bytes, ref, this.#maxFrameBytes));
    }
    for (const message of this.#volatile.waiting) yield this.#measured(message);
  }

  /** A frame with the size that it has in the dialect of the connection. */
  #measured({ text, bytes }: EncodedFrame): EncodedFrame {
    return { text, bytes: this.#link?.sizeOf(text) ?? bytes };
  }

  /** The size of a frame that holds nothing else: a dialect writes it as JSON where that is smaller. */
  #sizeAlone(frame: EncodedFrame): number {
    return Math.min(frame.bytes, this.#measured(frame).bytes);
  }
}

function tooLarge(bytes: number, ref: number, maxFrameBytes: number): ParlorError {
  const message = `the frame is ${bytes} bytes, the limit is ${maxFrameBytes}`;
  return new ParlorError("frame_too_large", message, { ref, limit: "maxFrameBytes" });
}
