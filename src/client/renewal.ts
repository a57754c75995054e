import { clampDelay } from "../protocol/durations.ts";
import type { ErrorFrame } from "../protocol/frames.ts";
import type { Link } from "./link.ts";
import { tokenFrom, type GetToken } from "./tokens.ts";
import type { Timers } from "./timers.ts";

/** The part of a token's time after which it is renewed. */
const RENEWAL_SHARE = 0.8;

/** A token that has no time left, or says nothing that is a time, is renewed no more often than this, in milliseconds. */
const MIN_RENEWAL_MS = 1_000;

/** Whether an error refuses a renewal. A renewal has no ref, and nothing else without one is refused with these. */
export function isOfRenewal({ code, ref }: ErrorFrame): boolean {
  return ref === undefined && (code.startsWith("token_") || code === "unavailable");
}

/** Renews the token of a connection ahead of its expiry. */
export class Renewal {
  readonly #getToken: GetToken | undefined;
  readonly #timers: Timers;

  constructor(getToken: GetToken | undefined, timers: Timers) {
    this.#getToken = getToken;
    this.#timers = timers;
  }

  /**
   * Renews in time. A token that cannot be had then is asked for at the next join, when this one has expired.
   *
   * @param expiresInMs how long it is good for; `undefined` for one that is not to be renewed
   */
  schedule(link: Link | undefined, expiresInMs: number | undefined): void {
    if (expiresInMs === undefined || this.#getToken === undefined) return;
    const ms = Math.max(MIN_RENEWAL_MS, clampDelay(expiresInMs * RENEWAL_SHARE));
    this.#timers.set("renewal", ms, () => void this.#renew(link));
  }

  /**
   * Renews again after a renewal that the room refused for now. A token that it refuses for good ends nothing before the
   * one that it has.
   */
  refused(link: Link | undefined, { retryAfterMs }: ErrorFrame): void {
    this.schedule(link, retryAfterMs && retryAfterMs / RENEWAL_SHARE);
  }

  /** Renews no more: the connection is gone. */
  stop(): void {
    this.#timers.clear("renewal");
  }

  async #renew(link: Link | undefined): Promise<void> {
    try {
      const token = await tokenFrom(this.#getToken);
      if (token !== undefined) link?.renew(token);
    } catch {
      // The connection ends with its token, and is made again with another.
    }
  }
}
