/** When a connection counts as dead. */
export interface LivenessRule {
  /** The interval between pings, in milliseconds; Infinity if the server sends keep-alives without pings. */
  readonly pingIntervalMs: number;
  /** How long to wait for the reply to a ping, or for the next keep-alive, in milliseconds. */
  readonly timeoutMs: number;
}

/** How soon after an act the client pings if no data arrives, in milliseconds. */
const PING_AFTER_ACT_MS = 5_000;

/** Detects a connection that is dead although nobody closed it. One for each connection; the caller owns the clock. */
export class Liveness {
  readonly #rule: LivenessRule;
  /** Since when the client waits for data; Infinity while it does not. */
  #waitingSince = Infinity;
  #nextPingAt: number;
  /** When to ping because an act has no reply; Infinity if all have one. */
  #earlyPingAt = Infinity;

  constructor(rule: LivenessRule, now: number) {
    this.#rule = rule;
    this.#nextPingAt = this.#isPassive ? Infinity : now;
    this.active(now);
  }

  /** How long a connection that counts as dead carried nothing, in milliseconds. */
  get timeoutMs(): number {
    return this.#rule.timeoutMs;
  }

  /** Data arrived. Any data proves that the connection is alive. */
  active(now: number): void {
    this.#waitingSince = this.#isPassive ? now : Infinity;
    this.#earlyPingAt = Infinity;
  }

  /** An act was sent. Without data from the room, a ping follows soon. Returns whether that is news. */
  acted(now: number): boolean {
    if (Math.min(this.#waitingSince, this.#earlyPingAt) < Infinity) return false;
    this.#earlyPingAt = now + PING_AFTER_ACT_MS;
    return true;
  }

  /** A ping was sent. */
  pinged(now: number): void {
    this.#nextPingAt = now + this.#rule.pingIntervalMs;
    this.#earlyPingAt = Infinity;
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /** The action that is due, or the milliseconds until the next one. */
  check(now: number): "dead" | "ping" | number {
    const deadAt = this.#waitingSince + this.#rule.timeoutMs;
    if (now >= deadAt) return "dead";
    const pingAt = Math.min(this.#earlyPingAt, this.#nextPingAt);
    return now >= pingAt ? "ping" : Math.min(deadAt, pingAt) - now;
  }

  get #isPassive(): boolean {
    return this.#rule.pingIntervalMs === Infinity;
  }
}
