import type { WireError } from "../protocol/errors.ts";
import { isWithin } from "./durations.ts";
import { fullBucket, isFull, take, type Bucket, type BucketRate } from "./token-bucket.ts";

/** The options that bound what one session may send. */
export interface SessionLimits {
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  readonly bytesPerSecond: number;
  readonly bytesBurst: number;
  readonly maxRefusals: number;
}

/** What comes of too many refusals: first nothing of the session is taken for a while, then it is closed and kept out. */
export type Penalty = "mute" | "ban";

/** Refusals count for so many milliseconds. */
const REFUSAL_WINDOW_MS = 10_000;

/**
 * What one session may still send: messages, bytes, and how often it may be refused.
 *
 * Belongs to the session, not the connection, so that a reconnect does not refill it. All buckets are full again
 * within ten seconds, as long as a room needs to fall asleep, so none is ever stored.
 */
export class SessionBudget {
  readonly #rates: { readonly messages: BucketRate; readonly bytes: BucketRate };
  readonly #maxRefusals: number;
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  /** The times of refusals that still count, at most `maxRefusals` of them. */
  readonly #refusals: number[] = [];

  constructor(limits: SessionLimits, now: number) {
    this.#rates = {
      messages: { perSecond: limits.messagesPerSecond, burst: limits.messagesBurst },
      bytes: { perSecond: limits.bytesPerSecond, burst: limits.bytesBurst },
    };
    this.#maxRefusals = limits.maxRefusals;
    this.#messages = fullBucket(this.#rates.messages, now);
    this.#bytes = fullBucket(this.#rates.bytes, now);
  }

  /** Charges a frame's size; the refusal where the budget of bytes is spent. */
  takeBytes(bytes: number, now: number): WireError | undefined {
    return refusal(
      "bytesPerSecond",
      "byte budget is spent",
      take(this.#rates.bytes, this.#bytes, bytes, now),
    );
  }

  /** Charges one message; the refusal where the budget of messages is spent. */
  takeMessage(now: number): WireError | undefined {
    return refusal(
      "messagesPerSecond",
      "message budget is spent",
      take(this.#rates.messages, this.#messages, 1, now),
    );
  }

  /** How long one more message would have to wait, in milliseconds. */
  messageWaitMs(now: number): number {
    return take(this.#rates.messages, { ...this.#messages }, 1, now);
  }

  /** Counts refused messages; tells what is to become of the session for it. */
  countRefusals(count: number, now: number): Penalty | undefined {
    const refusals = this.#refusals;
    for (let n = 0; n < count; n++) refusals.push(now);
    // Those that count no more come first. A flood is refused often: the list is never copied.
    const ended = refusals.findIndex((at) => isWithin(REFUSAL_WINDOW_MS, at, now));
    refusals.splice(0, Math.max(ended, refusals.length - this.#maxRefusals));
    if (refusals.length >= this.#maxRefusals) return "ban";
    return 2 * refusals.length >= this.#maxRefusals ? "mute" : undefined;
  }

  /** Whether nothing is owed, so that the budget can be forgotten. */
  isWhole(now: number): boolean {
    return (
      isFull(this.#rates.messages, this.#messages, now) &&
      isFull(this.#rates.bytes, this.#bytes, now) &&
      !this.#refusals.some((at) => isWithin(REFUSAL_WINDOW_MS, at, now))
    );
  }
}

/** The refusal of what there is no budget for; `undefined` where nothing has to wait. */
export function refusal(limit: string, message: string, retryAfterMs: number): WireError | undefined {
  return retryAfterMs === 0 ? undefined : { code: "rate_limited", message, retryAfterMs, limit };
}
