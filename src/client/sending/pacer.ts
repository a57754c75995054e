/** A server's budgets, as told in `welcome.limits`; one that is absent does not bind. */
export type Limits = Readonly<Record<string, number>>;

/**
 * The part of a burst that is used. The network bunches up what was sent evenly, and a server counts what arrives;
 * this leaves it a fifth.
 */
const BURST_SHARE = 0.8;

/**
 * The most messages sent at once, whatever the burst. A budget that an earlier life of the session has spent refuses
 * all of them, and a session is closed for 100 refusals within ten seconds (the default of `maxRefusals`).
 */
const MAX_BURST = 50;

/** Where a server names no limit. Not Infinity, which does not subtract from itself. */
const UNBOUND = 2 ** 53;

/** A limit of the server. There is no limit if it is absent or is not a positive number. */
export function limitOf(limits: Limits, name: string): number {
  const limit = limits[name] ?? UNBOUND;
  return limit > 0 ? Math.min(limit, UNBOUND) : UNBOUND;
}

/** Keeps what is sent within a session's budgets (rule L1), as the server will count it. The caller owns the clock. */
export class Pacer {
  #limits: Limits = {};
  #messages = UNBOUND;
  #bytes = UNBOUND;
  #at = 0;

  /** Takes the limits of a welcome. What is spent stays spent: a budget is the session's, not the connection's. */
  setLimits(limits: Limits, now: number): void {
    this.#refill(now);
    this.#limits = limits;
    this.#refill(now);
  }

  /** How long until a frame of so many messages and bytes may be sent, in milliseconds; 0 for now. */
  waitMs(messages: number, bytes: number, now: number): number {
    this.#refill(now);
    // A frame larger than the burst is charged as the burst: it could never be sent otherwise.
    const missingBytes = Math.min(bytes, this.#bytesBurst) - this.#bytes;
    const seconds = Math.max(
      (messages - this.#messages) / this.#limit("messagesPerSecond"),
      missingBytes / this.#limit("bytesPerSecond"),
    );
    return seconds <= 0 ? 0 : Math.max(0, this.#at - now) + Math.ceil(seconds * 1000);
  }

  /** Spends what {@link waitMs} allowed. */
  spend(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= Math.min(bytes, this.#bytesBurst);
  }

  /** Sends nothing for so long, and then no faster than the budgets refill: the server has counted more than we. */
  hold(ms: number, now: number): void {
    this.#messages = Math.min(this.#messages, 0);
    this.#bytes = Math.min(this.#bytes, 0);
    this.#at = Math.max(this.#at, now + ms);
  }

  /** Whether a {@link hold} lasts. */
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
