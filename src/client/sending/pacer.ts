/** A server's limits, from `welcome.limits`. An absent one means no limit. */
export type Limits = Readonly<Record<string, number>>;

/**
 * The share of a burst that the client uses. The server counts frames when they arrive, and the network may deliver evenly sent
 * frames in bunches. A fifth of the burst is left for that.
 */
const BURST_SHARE = 0.8;

/**
 * The maximum messages sent at once, even if the burst is larger. If an earlier page with the same session has used up the
 * rate limit, the server rejects all of them. It closes a session after 100 rejections in ten seconds (default of `maxRefusals`).
 */
const MAX_BURST = 50;

/** The value for no limit. Not Infinity, because Infinity minus Infinity is not a number. */
const UNBOUND = 2 ** 53;

/** A limit of the server. There is no limit if it is absent or is not a positive number. */
export function limitOf(limits: Limits, name: string): number {
  const limit = limits[name] ?? UNBOUND;
  return limit > 0 ? Math.min(limit, UNBOUND) : UNBOUND;
}

/** Keeps the client within the session's rate limits (rule L1), as the server counts them. The caller owns the clock. */
export class Pacer {
  #limits: Limits = {};
  #messages = UNBOUND;
  #bytes = UNBOUND;
  #at = 0;

  /** Sets the limits of a welcome. What was spent stays spent, because the server counts by session, not by connection. */
  setLimits(limits: Limits, now: number): void {
    this.#refill(now);
    this.#limits = limits;
    this.#refill(now);
  }

  /** How long until a frame with this many messages and bytes may be sent, in milliseconds; 0 for now. */
  waitMs(messages: number, bytes: number, now: number): number {
    this.#refill(now);
    // A frame larger than the burst costs as much as the burst. Otherwise it could never be sent.
    const missingBytes = Math.min(bytes, this.#bytesBurst) - this.#bytes;
    const seconds = Math.max(
      (messages - this.#messages) / this.#limit("messagesPerSecond"),
      missingBytes / this.#limit("bytesPerSecond"),
    );
    return seconds <= 0 ? 0 : Math.max(0, this.#at - now) + Math.ceil(seconds * 1000);
  }

  /** Counts a frame that was sent. */
  spend(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= Math.min(bytes, this.#bytesBurst);
  }

  /** Stops sending for this long, and then starts without a burst: the server has counted more than the client. */
  hold(ms: number, now: number): void {
    this.#messages = Math.min(this.#messages, 0);
    this.#bytes = Math.min(this.#bytes, 0);
    this.#at = Math.max(this.#at, now + ms);
  }

  /** Whether a {@link hold} is in effect. */
  isHeld(now: number): boolean {
    return now < this.#at;
  }

  get #messagesBurst(): number {
    return Math.max(1, Math.min(MAX_BURST, this.#limit("messagesBurst") * BURST_SHARE));
  }

  get #bytesBurst(): number {
    return this.#limit("bytesBurst") * BURST_SHARE;
  }

  #limit(name: string): number {
    return limitOf(this.#limits, name);
  }

  #refill(now: number): void {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#messages = Math.min(
      this.#messagesBurst,
      this.#messages + seconds * this.#limit("messagesPerSecond"),
    );
    this.#bytes = Math.min(this.#bytesBurst, this.#bytes + seconds * this.#limit("bytesPerSecond"));
    this.#at = Math.max(this.#at, now);
  }
}
