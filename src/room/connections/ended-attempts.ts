/** The maximum number of remembered sessions, which take about 100 KB. The oldest entry is removed first. */
const MAX_REMEMBERED = 1_024;

/**
 * The attempt numbers of sessions whose connection has ended. They are only in memory, so a hibernation or a crash loses them.
 * During a member's grace period, the member's row has the number as well.
 */
export class EndedAttempts {
  readonly #bySession = new Map<string, number>();

  /** The number of a session's last connection; `undefined` if it is not known. */
  of(session: string): number | undefined {
    return this.#bySession.get(session);
  }

  /** Remembers the number of a connection that has ended. */
  remember(session: string, attempt: number): void {
    const newest = Math.max(attempt, this.of(session) ?? 0);
    this.#bySession.delete(session);
    this.#bySession.set(session, newest);
    if (this.#bySession.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#bySession.keys();
    if (oldest !== undefined) this.#bySession.delete(oldest);
  }
}
