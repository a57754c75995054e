/** The most sessions whose numbers are remembered: about 100 KB. The one that was remembered first is forgotten first. */
const MAX_REMEMBERED = 1_024;

/**
 * The attempt numbers of sessions whose connection has ended. Only in memory: a hibernation or a crash forgets them. The
 * number of a member in its grace is also in the member's row.
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
