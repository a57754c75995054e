import type { Visit } from "./backlog.ts";
import { bufferedBytes } from "./send-queue.ts";

/** The source and the unread data of a connection that the room has closed. */
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
 * How long an unanswered close counts against its source, in milliseconds. The runtime reports a lost connection only when
 * TCP gives up, after minutes. Meanwhile clients behind one address that loses its network may each reconnect several times.
 */
const SOURCE_MS = 60_000;

/** A connection whose client has not answered the close. */
interface Unanswered extends Remains {
  /** When the room first counted it, Unix milliseconds; `undefined` until then. A hibernation restarts the count. */
  since?: number;
}

/**
 * The connections that the room has closed and that may still cost it memory. Closing a socket does not free its queued
 * data, and a client that does not answer the close keeps the socket in the object.
 */
export class ClosedSockets {
  readonly #unanswered = new Map<WebSocket, Unanswered>();
  /** The unanswered closes that have no time yet. */
  #added: Unanswered[] = [];
  /** The answered closes with queued data, in the order in which they stop counting, Unix milliseconds. */
  readonly #lingering = new Map<WebSocket, Remains & { readonly until: number }>();

  /** The number of clients that have not answered the close. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** How many of these belong to a source and count against it, because they were closed within the last minute. */
  unansweredOf(source: string, now: number): number {
    let count = 0;
    for (const { source: of, since = now } of this.#unanswered.values()) {
      // If the clock was set back, the time of the close is unknown.
      if (of === source && since <= now && now < since + SOURCE_MS) count++;
    }
    return count;
  }

  /** Adds a socket that the room has closed, or whose member has left. */
  add(socket: WebSocket, remains: Remains): void {
    const unanswered = { ...remains };
    this.#unanswered.set(socket, unanswered);
    this.#added.push(unanswered);
  }

  /** The close of a socket is complete, or its connection was lost. */
  ended(socket: WebSocket, now: number): void {
    this.dropOverdue(now);
    const remains = this.#unanswered.get(socket);
    this.#unanswered.delete(socket);
    if (remains === undefined || (bufferedBytes(socket) ?? 0) === 0) return;
    this.#lingering.set(socket, { ...remains, until: now + LINGER_MS });
  }

  /** Visits every closed connection that may hold unread data. */
  visit(each: Visit): void {
    for (const [socket, { source, unread = 0 }] of this.#unanswered)
      each(bufferedBytes(socket) ?? unread, source);
    for (const [socket, { source }] of this.#lingering) each(bufferedBytes(socket) ?? 0, source);
  }

  /** Forgets connections that have lingered long enough, and notes the time for those that were added. */
  dropOverdue(now: number): void {
    for (const unanswered of this.#added) unanswered.since = now;
    this.#added = [];
    for (const [socket, { until }] of this.#lingering) {
      if (until > now && until <= now + LINGER_MS) return; // The next ones end later; if the clock was set back, now.
      this.#lingering.delete(socket);
    }
  }
}
