import type { Visit } from "./backlog.ts";
import { bufferedBytes } from "./send-queue.ts";

/** What is known of a connection that the room has closed. */
export interface Remains {
  /** Its source. */
  readonly source?: string | undefined;
  /** The bytes that its client may not have read when it was closed, as far as the room knows. */
  readonly unread?: number | undefined;
}

/**
 * How long a connection still counts after a complete close with queued data, in milliseconds. The runtime keeps the data
 * until the TCP connection ends, and does not report that: `bufferedAmount` no longer changes (workerd 1.20261117). Most
 * TCP connections end with the close.
 */
const LINGER_MS = 300_000;

/**
 * The connections that the room has closed and that may still cost it memory. Closing a socket does not free its queued
 * data, and a client that does not answer the close keeps the socket in the object.
 */
export class ClosedSockets {
  readonly #unanswered = new Map<WebSocket, Remains>();
  /** When they stop counting, Unix milliseconds, in ascending order. */
  readonly #lingering = new Map<WebSocket, Remains & { readonly until: number }>();

  /** How many have not answered the close. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** How many of these belong to a source. */
  unansweredOf(source: string): number {
    let count = 0;
    for (const remains of this.#unanswered.values()) if (remains.source === source) count++;
    return count;
  }

  /** Adds a socket that the room has closed, or whose member has left. */
  add(socket: WebSocket, remains: Remains): void {
    this.#unanswered.set(socket, remains);
  }

  /** The close of a socket is complete, or its connection was lost. */
  ended(socket: WebSocket, now: number): void {
    this.dropOverdue(now);
    const remains = this.#unanswered.get(socket);
    this.#unanswered.delete(socket);
    if (remains === undefined || (bufferedBytes(socket) ?? 0) === 0) return;
    this.#lingering.set(socket, { ...remains, until: now + LINGER_MS });
  }

  /** Visits all of them. */
  visit(each: Visit): void {
    for (const [socket, { source, unread = 0 }] of this.#unanswered)
      each(bufferedBytes(socket) ?? unread, source);
    for (const [socket, { source }] of this.#lingering) each(bufferedBytes(socket) ?? 0, source);
  }

  /** Forgets connections that have lingered long enough. */
  dropOverdue(now: number): void {
    for (const [socket, { until }] of this.#lingering) {
      if (until > now && until <= now + LINGER_MS) return; // The next ones end later; if the clock was set back, now.
      this.#lingering.delete(socket);
    }
  }
}
