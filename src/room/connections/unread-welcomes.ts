import { beganAt, endsAt } from "../../limits/durations.ts";
import { bufferedBytes } from "./send-queue.ts";
import type { Session, Sessions } from "./sessions.ts";

/** The interval of the checks of new connections, in milliseconds. By the first, nearly all have taken their welcome. */
const CHECK_EVERY_MS = 1_000;

/** The time that a new connection has to take its welcome, in milliseconds; more for a larger welcome. */
const PATIENCE_MS = 5_000;

/** The slowest network that a welcome is sent over, in bytes per millisecond: 32 kbit/s. */
const SLOWEST_BYTES_PER_MS = 4;

/** A connection that may not have taken its welcome yet. */
interface UnreadWelcome {
  joinedAt: number;
  /** The characters that it was sent when the watch began. */
  readonly chars: number;
  /** Their bytes, as far as the runtime had them queued. Not less than `chars`. */
  readonly bytes: number;
}

const NONE: readonly Session[] = [];

/**
 * Finds new connections whose clients have gone. A client that disconnects during the handshake may leave its socket open in
 * the room, without any event (workerd 1.20261117). Such a socket never takes its welcome. Where the runtime does not report
 * unread data, the silence timeout ends them.
 *
 * This is only in memory, because a room stays awake longer than nearly all welcomes take.
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

  /** When to {@link takeLost}, Unix milliseconds; `undefined` while all have taken their welcome. */
  get checkAt(): number | undefined {
    return this.#checkAt;
  }

  /** The connections that have taken nothing for too long. */
  takeLost(now: number): readonly Session[] {
    if (this.#checkAt === undefined || now < endsAt(this.#checkAt, CHECK_EVERY_MS, now)) return NONE;
    const lost: Session[] = [];
    for (const [session, welcome] of this.#waiting) {
      const { chars, bytes } = welcome;
      const joinedAt = (welcome.joinedAt = beganAt(welcome.joinedAt, now));
      // As long as nothing is taken, the bytes of the welcome stay queued, and what was sent since has at least a byte for
      // each character.
      const untouched = bytes + session.sendWindow.record.sent - chars;
      const hasTaken = (bufferedBytes(session.socket) ?? 0) < untouched;
      const isOver = this.#sessions.of(session.socket) !== session;
      const isLost = now - joinedAt >= PATIENCE_MS + bytes / SLOWEST_BYTES_PER_MS;
      if (hasTaken || isOver || isLost) this.#waiting.delete(session);
      if (!hasTaken && !isOver && isLost) lost.push(session);
    }
    this.#checkAt = this.#waiting.size === 0 ? undefined : now + CHECK_EVERY_MS;
    return lost;
  }
}
