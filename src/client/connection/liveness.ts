/** When a connection counts as dead. */
export interface LivenessRule {
  /** The interval between pings, in milliseconds; Infinity if the server sends keep-alives without pings. */
  readonly pingIntervalMs: number;
  /** How long to wait for the reply to a ping, or for the next keep-alive, in milliseconds. */
  readonly timeoutMs: number;
}

/** Detects a connection that is dead although nobody closed it. One for each connection; the caller owns the clock. */
export class Liveness {
  readonly #rule: LivenessRule;
  /** Since when the client waits for data; Infinity while it does not. */
  #waitingSince = Infinity;
  #nextPingAt: number;

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
  }

  /** A ping was sent. */
  pinged(now: number): void {
    this.#nextPingAt = now + this.#rule.pingIntervalMs;
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /** The action that is due, or the milliseconds until the next one. */
  check(now: number): "dead" | "ping" | number {
    const deadAt = this.#waitingSince + this.#rule.timeoutMs;
    if (now >= deadAt) return "dead";
    return now >= this.#nextPingAt ? "ping" : Math.min(deadAt, this.#nextPingAt) - now;
  }

  get #isPassive(): boolean {
    return this.#rule.pingIntervalMs === Infinity;
  }
}
