import { clampDelay } from "../../protocol/durations.ts";
import { MAX_ITEMS, type ErrorFrame } from "../../protocol/frames.ts";
import { backoffMs, type BackoffBounds } from "../connection/backoff.ts";
import { ParlorError, errorOfFrame } from "../error.ts";
import { withRef, type EncodedFrame } from "./encode.ts";
import type { Link } from "../connection/link.ts";
import type { Settings } from "../options.ts";
import { PendingActs, type ActReply, type NewAct } from "./pending-acts.ts";
import { Pacer, limitOf, type Limits } from "./pacer.ts";
import { recoveryOf } from "../recovery.ts";
import type { Clock, Timers } from "../runtime/timers.ts";
import { VolatileQueue } from "./volatile-queue.ts";

/** How long to wait for a busy transport, in milliseconds. SSE and long-poll also report when they are ready. */
const BUSY_MS = 50;

/** How many times per flow-control window the client reports what it has read, as rule L5 requires. */
const REPORTS_PER_WINDOW = 4;

/** The limit whose rejections have no refs, because the room rejects the frame before it reads it. */
const UNREAD = "roomBytesPerSecond";

/**
 * Stops waiting for an act, and drops it. With `onlyUnsent`, an act that may have taken effect is left alone.
 *
 * @returns whether it may have taken effect
 */
export type Withdraw = (reason: ParlorError, onlyUnsent?: boolean) => boolean;

/** An act, or a volatile message if it has no ref, ready to send. `bytes` is its size in the connection's dialect. */
type Item = EncodedFrame & { readonly ref?: number };

/**
 * Sends acts and volatile messages to the room, several in a frame, within the room's limits. Acts are sent first, in order,
 * and repeated until the room replies.
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
  /** How much was read over this connection, how much of it was reported, and when to report; in UTF-16 units or bytes. */
  #read = 0;
  #reported = 0;
  #reportEvery = Infinity;
  #isScheduled = false;
  /** How many times in a row the room requested a delay without stating how long. */
  #holds = 0;

  constructor(
    clock: Clock,
    timers: Timers,
    settings: BackoffBounds & Pick<Settings, "maxPendingActs" | "overflow">,
  ) {
    this.#pendingActs = new PendingActs(settings);
    this.#clock = clock;
    this.#timers = timers;
    this.#bounds = settings;
  }

  /** Continues on a connection after its welcome. Acts without a reply are sent again. */
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

  /** Whether there is a connection. */
  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  /** Queues an act. It is sent until the room replies. Returns the function that drops it. */
  add(act: NewAct): Withdraw {
    const added = this.#pendingActs.add(act);
    this.schedule();
    return (reason, onlyUnsent) => this.#pendingActs.withdraw(added, reason, onlyUnsent);
  }

  /** Rejects all acts, because the room is closed. */
  end(error: ParlorError): void {
    this.#pendingActs.refuseAll(error);
  }

  /**
   * Queues a volatile message. Without a connection it is dropped. Messages with the same name may replace each other.
   *
   * @returns whether it will be sent
   */
  sendVolatile(name: string, message: EncodedFrame): boolean {
    if (this.#link === undefined || this.#sizeAlone(message) > this.#maxFrameBytes) return false;
    this.#volatile.add(name, message);
    this.schedule();
    return true;
  }

  /** Sends after the current task, so that all acts of one task are sent in one frame. */
  schedule(): void {
    if (this.#isScheduled || this.#link === undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /**
   * Records how much was read, and reports it when it is due. The report is sent at once, because the server sends nothing
   * while the window is full. It ignores the rate limits, but the server counts it, so later frames wait for it.
   */
  read(chars: number): void {
    this.#read += chars;
    if (this.#read - this.#reported < this.#reportEvery) return;
    this.#reported = this.#read;
    const text = JSON.stringify({ type: "seen", chars: this.#read });
    this.#pacer.spend(1, text.length);
    this.#link?.send({ text, refs: [] });
  }

  /** Sends what the limits allow now, and schedules the rest. */
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

  /** The room performed an act. */
  acknowledged(reply: ActReply): void {
    this.#holds = 0;
    if (reply.ref !== undefined) this.#pendingActs.acknowledge(reply.ref, reply);
  }

  /** The room rejected an act or a message. The caller reconnects if the error requires that. */
  refused(error: ErrorFrame): void {
    const { ref, retryAfterMs, limit } = error;
    // Only reads wait for a budget of reads. Their caller does that.
    const recovery = limit?.includes("eadChars") ? "give up" : recoveryOf(error);
    const now = this.#clock.now();
    // The room rejects the items of a frame one by one, for the same reason. They cause one hold.
    if (recovery === "wait" && (retryAfterMs !== undefined || !this.#pacer.isHeld(now))) {
      const ms = retryAfterMs ?? backoffMs(this.#bounds, this.#holds++, 0, this.#clock.random);
      this.#pacer.hold(clampDelay(ms), now);
    }
    if (ref === undefined) {
      if (limit === UNREAD) {
        this.#pendingActs.allAgain(); // The error does not name the acts. Acts that took effect get their first reply again.
        this.schedule();
      }
      return;
    }
    if (recovery === "give up") return this.#pendingActs.refuse(ref, errorOfFrame(error));
    this.#pendingActs.again(ref);
    this.schedule();
  }

  /**
   * Chooses the items of the next frame.
   *
   * @returns the items, their size as an array, and the milliseconds until further items may be sent: `undefined` if none are
   * left, or if the frame is full
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
      // The room would reject it as a whole frame, without its ref, so the act would never be settled.
      else this.#pendingActs.refuse(ref, tooLarge(bytes, ref, this.#maxFrameBytes));
    }
    for (const message of this.#volatile.waiting) yield this.#measured(message);
  }

  /** A frame with its size in the connection's dialect. */
  #measured({ text, bytes }: EncodedFrame): EncodedFrame {
    return { text, bytes: this.#link?.sizeOf(text) ?? bytes };
  }

  /** The size of a frame with a single item. A dialect sends it as JSON if that is smaller. */
  #sizeAlone(frame: EncodedFrame): number {
    return Math.min(frame.bytes, this.#measured(frame).bytes);
  }
}

function tooLarge(bytes: number, ref: number, maxFrameBytes: number): ParlorError {
  const message = `the frame is ${bytes} bytes, the limit is ${maxFrameBytes}; send less data`;
  return new ParlorError("frame_too_large", message, { ref, limit: "maxFrameBytes" });
}
