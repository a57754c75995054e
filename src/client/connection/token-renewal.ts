import { clampDelay } from "../../protocol/durations.ts";
import type { ErrorFrame } from "../../protocol/frames.ts";
import type { Link } from "./link.ts";
import { tokenFrom, type GetToken } from "../tokens.ts";
import type { Timers } from "../runtime/timers.ts";

/** The share of a token's lifetime after which it is renewed. */
const RENEWAL_SHARE = 0.8;

/** The shortest interval between renewals, in milliseconds, for a token without time left or without a valid expiry. */
const MIN_RENEWAL_MS = 1_000;

/** Renews the token of a connection ahead of its expiry. */
export class Renewal {
  readonly #getToken: GetToken | undefined;
  readonly #timers: Timers;

  constructor(getToken: GetToken | undefined, timers: Timers) {
    this.#getToken = getToken;
    this.#timers = timers;
  }

  /**
   * Schedules a renewal. If no new token is available then, the client requests one for the next join, after this one has
   * expired.
   *
   * @param expiresInMs how long the token is valid; `undefined` for a token that is not renewed
   */
  schedule(link: Link | undefined, expiresInMs: number | undefined): void {
    if (expiresInMs === undefined || this.#getToken === undefined) return;
    const ms = Math.max(MIN_RENEWAL_MS, clampDelay(expiresInMs * RENEWAL_SHARE));
    this.#timers.set("renewal", ms, () => void this.#renew(link));
  }

  /**
   * Renews again after the room has rejected a renewal for now. If the room rejects the token for good, the connection
   * continues until its old token expires.
   *
   * @returns whether the error rejects a renewal. A renewal has no ref, and nothing else without a ref is rejected like this
   */
  refused(link: Link | undefined, { code, ref, retryAfterMs }: ErrorFrame): boolean {
    if (ref !== undefined || !(code.startsWith("token_") || code === "unavailable")) return false;
    this.schedule(link, retryAfterMs && retryAfterMs / RENEWAL_SHARE);
    return true;
  }

  /** Stops renewals, because the connection is gone. */
  stop(): void {
    this.#timers.clear("renewal");
  }

  async #renew(link: Link | undefined): Promise<void> {
    try {
      const token = await tokenFrom(this.#getToken);
      if (token !== undefined) link?.renew(token);
    } catch {
      // The connection ends when its token expires. The client then reconnects with another.
    }
  }
}
