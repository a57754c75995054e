import { beganAt, endsAt } from "../../limits/durations.ts";
import { bufferedBytes } from "./send-queue.ts";
import type { Session, Sessions } from "./sessions.ts";

/** The interval of the checks of new connections, in milliseconds. Nearly all have read their welcome by the first check. */
const CHECK_EVERY_MS = 1_000;

/** The minimum time that a new connection has to read its welcome, in milliseconds. A larger welcome has more. */
const PATIENCE_MS = 5_000;

/** The slowest network that a welcome is sent over, in bytes per millisecond: 32 kbit/s. */
const SLOWEST_BYTES_PER_MS = 4;

/** A connection that may not have read its welcome yet. */
interface UnreadWelcome {
  joinedAt: number;
  /** The characters sent to the connection when the watch began. */
  readonly chars: number;
  /** The bytes that the runtime had queued at that time, at least `chars`. */
  readonly bytes: number;
}

const NONE: readonly Session[] = [];

/**
 * Finds new connections whose clients have gone. A client that disconnects during the handshake may leave its socket open in
 * the room, without any event (workerd 1.20261117). Such a socket never reads its welcome. If the runtime does not report
 * unread data, the silence timeout ends these connections.
 *
 * This is only in memory, because nearly all welcomes are read before the room hibernates.
 */
export class UnreadWelcomes {
  readonly #sessions: Sessions;
  readonly #waiting = new Map<Session, UnreadWelcome>();
  #checkAt: number | undefined;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Watches a connection that was sent its welcome just now. */
  watch(session: Session, now: number): void {
    const queued = bufferedBytes(session.socket);
    if (queued === undefined) return;
    const chars = session.sendWindow.record.sent;
    this.#waiting.set(session, { joinedAt: now, chars, bytes: Math.max(chars, queued) });
    this.#checkAt ??= now + CHECK_EVERY_MS;
  }

  /** When to {@link takeLost}, Unix milliseconds; `undefined` while all connections have read their welcome. */
  get checkAt(): number | undefined {
    return this.#checkAt;
  }

  /** Removes and returns the connections that have read nothing for too long. */
  takeLost(now: number): readonly Session[] {
    if (this.#checkAt === undefined || now < endsAt(this.#checkAt, CHECK_EVERY_MS, now)) return NONE;
    const lost: Session[] = [];
    for (const [session, welcome] of this.#waiting) {
      const { chars, bytes } = welcome;
      const joinedAt = (welcome.joinedAt = beganAt(welcome.joinedAt, now));
      // If nothing was read, the bytes of the welcome are still queued. Data sent since has at least one byte for each
      // character.
      const untouched = bytes + session.sendWindow.record.sent - chars;
      const hasTaken = (bufferedBytes(session.socket) ?? 0) < untouched;
      const isOver = !this.#sessions.has(session);
      const isLost = now - joinedAt >= PATIENCE_MS + bytes / SLOWEST_BYTES_PER_MS;
      if (hasTaken || isOver || isLost) this.#waiting.delete(session);
      if (!hasTaken && !isOver && isLost) lost.push(session);
    }
    this.#checkAt = this.#waiting.size === 0 ? undefined : now + CHECK_EVERY_MS;
    return lost;
  }
}
