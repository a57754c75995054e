import type { WireError } from "../protocol/errors.ts";
import { Allowance, type Charge } from "./allowance.ts";
import { isWithin } from "./durations.ts";

/** The options that limit what one session may send. */
export interface SessionLimits {
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  readonly bytesPerSecond: number;
  readonly bytesBurst: number;
  readonly maxRefusals: number;
}

/** The penalty for too many rejections: first the session is muted, then it is closed and its source is banned. */
export type Penalty = "mute" | "ban";

/** How long a rejection counts, in milliseconds. */
const REFUSAL_WINDOW_MS = 10_000;

/**
 * The budget of one session: messages, bytes and rejections.
 *
 * It belongs to the session, not to the connection, so a reconnect does not refill it. All buckets are full again within ten
 * seconds. A room hibernates later than that, so no bucket is ever stored.
 */
export class SessionBudget {
  readonly #messages: Allowance;
  readonly #bytes: Allowance;
  readonly #maxRefusals: number;
  /** The times of the rejections that still count, at most `maxRefusals` of them. */
  readonly #refusals: number[] = [];

  constructor(limits: SessionLimits, now: number) {
    const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = limits;
    this.#messages = new Allowance({ perSecond: messagesPerSecond, burst: messagesBurst }, now);
    this.#bytes = new Allowance({ perSecond: bytesPerSecond, burst: bytesBurst }, now);
    this.#maxRefusals = limits.maxRefusals;
  }

  /** Charges the size of a frame. Returns an error if the byte budget is spent. */
  takeBytes(bytes: number, now: number): WireError | undefined {
    return refusal(
      "bytesPerSecond",
      "the session's byte budget is spent; retry later",
      this.#bytes.charge(bytes, now),
    );
  }

  /** Charges one message. Returns an error if the message budget is spent. */
  takeMessage(now: number): WireError | undefined {
    return refusal(
      "messagesPerSecond",
      "the session's message budget is spent; retry later",
      this.#messages.charge(1, now),
    );
  }

  /** The milliseconds until one more message is within the budget. */
  messageWaitMs(now: number): number {
    return this.#messages.waitMs(1, now);
  }

  /** Counts rejections that are abuse. Returns the penalty of the session, if any. */
  countRefusals(count: number, now: number): Penalty | undefined {
    const refusals = this.#refusals;
    for (let n = 0; n < count; n++) refusals.push(now);
    // The oldest rejections come first. The list is changed in place, because a flood is rejected often.
    const ended = refusals.findIndex((at) => isWithin(REFUSAL_WINDOW_MS, at, now));
    refusals.splice(0, Math.max(ended, refusals.length - this.#maxRefusals));
    if (refusals.length >= this.#maxRefusals) return "ban";
    return 2 * refusals.length >= this.#maxRefusals ? "mute" : undefined;
  }

  /** Whether the budget is full again, so that it can be forgotten. */
  isWhole(now: number): boolean {
    const isUnpunished = !this.#refusals.some((at) => isWithin(REFUSAL_WINDOW_MS, at, now));
    return isUnpunished && this.#messages.isWhole(now) && this.#bytes.isWhole(now);
  }
}

/** The error for a rejected charge; `undefined` for an accepted one. */
export function refusal(limit: string, message: string, charge: Charge): WireError | undefined {
  if (charge.waitMs === 0) return undefined;
  return {
    code: "rate_limited",
    message,
    retryAfterMs: charge.waitMs,
    limit,
    ...(charge.isExcess && { isAbuse: true }),
  };
}
