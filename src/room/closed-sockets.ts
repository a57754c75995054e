import type { Visit } from "./backlog.ts";
import { bufferedBytes } from "./send-queue.ts";

/** What is known of a connection that the room is done with. */
export interface Remains {
  /** Who answers for it. */
  readonly source?: string | undefined;
  /** What its client may not have read when it was closed, in bytes, as far as the room knows. */
  readonly unread?: number | undefined;
}

/**
 * How long a connection counts whose close is complete while data was queued, in milliseconds. The runtime does not
 * report when that is let go: it keeps it until the TCP connection ends, and `bufferedAmount` stands still (workerd
 * 1.20261117). Most of them ended with the close.
 */
const LINGER_MS = 300_000;

/**
 * The connections that the room is done with and that may still cost it memory: closing a socket frees nothing of what
 * is queued for it, and a client that does not answer the close keeps the socket in the object.
 */
export class ClosedSockets {
  readonly #unanswered = new Map<WebSocket, Remains>();
  /** By when they stop to count, Unix milliseconds, the first of them first. */
  readonly #lingering = new Map<WebSocket, Remains & { readonly until: number }>();

  /** How many have not answered the close. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** How many of these a source answers for. */
  unansweredOf(source: string): number {
    let count = 0;
    for (const remains of this.#unanswered.values()) if (remains.source === source) count++;
    return count;
  }

  /** Takes in a socket that the room has closed, or whose member has left. */
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
      if (until > now && until <= now + LINGER_MS) return; // Those after it end later. A clock that was set back ends them now.
      this.#lingering.delete(socket);
    }
  }
}
