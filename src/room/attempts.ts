import type { ClientFrame } from "../protocol/frames.ts";

/** The maximum number of sessions whose numbers are remembered: about 100 KB. The oldest entry is dropped first. */
const MAX_REMEMBERED = 1_024;

/**
 * The attempt numbers of sessions that have no connection. Without them, an attempt or a `leave` that was delayed could
 * still act for a session between two of its connections, or after it has left.
 *
 * Only in memory: after a hibernation or a crash a delayed attempt may join. The next attempt of its client, which has a
 * higher number, replaces it.
 */
export class Attempts {
  readonly #bySession = new Map<string, number>();

  /** The number of a session's last connection; `undefined` if it is not known. */
  of(session: string): number | undefined {
    return this.#bySession.get(session);
  }

  /** Remembers the number of a connection that has ended. */
  remember(session: string, attempt: number): void {
    this.#bySession.delete(session);
    this.#bySession.set(session, attempt);
    if (this.#bySession.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#bySession.keys();
    if (oldest !== undefined) this.#bySession.delete(oldest);
  }
}

/**
 * Whether an act concerns only its own connection, so that it is void once a newer connection has replaced that. The next
 * connection of a client may overtake its POST. A publish belongs to the session, whenever it arrives.
 */
export function isForConnection({ type }: ClientFrame): boolean {
  return type === "leave" || type === "presence" || type === "auth";
}
