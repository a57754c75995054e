import { SessionBudget, type SessionLimits } from "../limits/session-budget.ts";

/** So many budgets may be kept for sessions that are gone, before those that owe nothing are dropped. */
const SPARE = 64;

/** The budgets of the sessions that have lately acted. A session without one owes nothing. */
export class Budgets {
  readonly #limits: SessionLimits;
  readonly #bySession = new Map<string, SessionBudget>();
  #dropAt = SPARE;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** The budget of a session, full if it was quiet. */
  of(session: string, now: number): SessionBudget {
    let budget = this.#bySession.get(session);
    if (budget === undefined) {
      if (this.#bySession.size >= this.#dropAt) this.#dropWhole(now);
      this.#bySession.set(session, (budget = new SessionBudget(this.#limits, now)));
    }
    return budget;
  }

  #dropWhole(now: number): void {
    for (const [session, budget] of this.#bySession) if (budget.isWhole(now)) this.#bySession.delete(session);
    this.#dropAt = 2 * this.#bySession.size + SPARE;
  }
}
