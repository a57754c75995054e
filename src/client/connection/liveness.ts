/** How one connection's life is judged. */
export interface LivenessRule {
  /** How often to ask for a sign of life, in milliseconds; Infinity where the server gives them unasked. */
  readonly pingIntervalMs: number;
  /** How long it may take until one comes, in milliseconds: after a question, or unasked after the last. */
  readonly timeoutMs: number;
}

/** Finds out that a connection is dead though nobody closed it. One per connection; the caller owns the clock. */
export class Liveness {
  readonly #rule: LivenessRule;
  /** Since when a sign of life is owed; Infinity while none is. */
  #owedSince = Infinity;
  #nextPingAt: number;

  constructor(rule: LivenessRule, now: number) {
    this.#rule = rule;
    this.#nextPingAt = this.#isUnasked ? Infinity : now;
    this.heard(now);
  }

  /** Something came; anything is a sign of life. */
  heard(now: number): void {
    this.#owedSince = this.#isUnasked ? now : Infinity;
  }

  /** A ping was sent. */
  pinged(now: number): void {
    this.#nextPingAt = now + this.#rule.pingIntervalMs;
    this.#owedSince = Math.min(this.#owedSince, now);
  }

  /** What is to be done now, or for how many milliseconds nothing is. */
  check(now: number): "dead" | "ping" | number {
    const deadAt = this.#owedSince + this.#rule.timeoutMs;
    if (now >= deadAt) return "dead";
    return now >= this.#nextPingAt ? "ping" : Math.min(deadAt, this.#nextPingAt) - now;
  }

  get #isUnasked(): boolean {
    return this.#rule.pingIntervalMs === Infinity;
  }
}
