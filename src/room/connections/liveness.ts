import type { Kind } from "../../config/config.ts";
import { MAX_POLL_WAIT_S } from "../../protocol/polls.ts";
import { beganAt } from "../../limits/durations.ts";
import { HEARD_RESOLUTION_MS } from "./attachment.ts";
import { isExpired, type Session, type Sessions } from "./sessions.ts";

/** The interval of the heartbeat checks, in milliseconds. They lie on a grid, because each check wakes the room. */
const CHECK_INTERVAL_MS = 60_000;

/** How far ahead of the clock a ping may be, in milliseconds. The clock of a turn stops while the platform answers pings. */
const MAX_AHEAD_MS = 15_000;

/** How long the connection of a poll lasts at most, in milliseconds. A longer one has lost its Worker. */
const POLL_LASTS_MS = MAX_POLL_WAIT_S * 1_000;

/** How long before a token expires its client is warned, in milliseconds. This is four slots of the alarm. */
const WARN_AHEAD_MS = 60_000;

/**
 * Finds connections that have stopped sending: the room received no frame, and the platform answered no ping. Also finds
 * connections that have stopped reading, which may still send pings, and connections whose token expires.
 */
export class Liveness {
  readonly #patienceMs: number;
  readonly #slowTimeoutMs: number;
  readonly #sessions: Sessions;
  readonly #pingedAt: (socket: WebSocket) => number;

  /** @param pingedAt when the platform last answered a socket's ping, Unix milliseconds; 0 for never */
  constructor(kind: Kind, sessions: Sessions, pingedAt: (socket: WebSocket) => number) {
    // The recorded time may be this stale, and no connection is closed because of that.
    this.#patienceMs = kind.silenceTimeoutMs + HEARD_RESOLUTION_MS;
    this.#slowTimeoutMs = kind.slowTimeoutMs;
    this.#sessions = sessions;
    this.#pingedAt = pingedAt;
  }

  /** The sessions that have sent nothing for longer than the silence timeout. */
  silent(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => this.#silentAt(session, now) <= now);
  }

  /** The sessions whose send window has been full for longer than the slow timeout. */
  stalled(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => (this.stalledBy(session) ?? Infinity) <= now);
  }

  /** The sessions whose tokens have expired. */
  expired(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => isExpired(session, now));
  }

  /** The sessions whose tokens are about to expire, and that have not been warned. */
  expiring(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => (this.#warnAt(session) ?? Infinity) <= now);
  }

  /** When the client is to be warned of the token's expiry, then when the token expires; `undefined` if it never does. */
  expiryOf(session: Session): number | undefined {
    return this.#warnAt(session) ?? session.record.access?.expiresAt;
  }

  /** The first {@link expiryOf}. */
  nextExpiry(): number | undefined {
    const times = [...this.#sessions.all()].map((session) => this.expiryOf(session) ?? Infinity);
    const first = times.reduce((least, time) => Math.min(least, time), Infinity);
    return first === Infinity ? undefined : first;
  }

  /** When a connection that has stopped reading is closed; `undefined` for a connection that keeps up. */
  stalledBy({ sendWindow }: Session): number | undefined {
    return sendWindow.stalledAt === undefined ? undefined : sendWindow.stalledAt + this.#slowTimeoutMs;
  }

  /** The first {@link stalledBy}. */
  nextStall(): number | undefined {
    let earliest = Infinity;
    for (const session of this.#sessions.all())
      earliest = Math.min(earliest, this.stalledBy(session) ?? Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  /** When to check all connections for their heartbeat: at most once a minute, and not before the first timeout. */
  nextCheck(now: number): number | undefined {
    let earliest = Infinity;
    for (const session of this.#sessions.all()) earliest = Math.min(earliest, this.checkOf(session, now));
    return earliest === Infinity ? undefined : earliest;
  }

  /** When to check whether this connection has stopped sending. */
  checkOf(session: Session, now: number): number {
    return Math.ceil(this.#silentAt(session, now) / CHECK_INTERVAL_MS) * CHECK_INTERVAL_MS;
  }

  /** Restarts times that are in the future because the clock was set back. Returns whether there were any. */
  restart(now: number): boolean {
    let hasFound = false;
    for (const session of this.#sessions.all()) {
      const { record, sendWindow } = session;
      const isAhead = Math.max(record.heardAt, record.joinedAt) > now;
      if (isAhead) {
        const [heardAt, joinedAt] = [beganAt(record.heardAt, now), beganAt(record.joinedAt, now)];
        this.#sessions.update(session, { heardAt, joinedAt });
      }
      hasFound = sendWindow.restart(now) || isAhead || hasFound;
    }
    return hasFound;
  }

  /**
   * Counts connections whose last ping is ahead of a clock that was just set back as active now. This does not run after each
   * load of the object, because lost connections would then count as active whenever the room wakes.
   */
  hearPings(now: number): void {
    for (const session of this.#sessions.all())
      if (this.#pingedAt(session.socket) > now) this.#sessions.update(session, { heardAt: now });
  }

  /** When to warn a connection; `undefined` if it was warned already, or joined less than the warning time before the expiry. */
  #warnAt({ record }: Session): number | undefined {
    const { access, joinedAt, warnedOf } = record;
    const expiresAt = access?.expiresAt;
    if (expiresAt === undefined || warnedOf === expiresAt) return undefined;
    const warnAt = expiresAt - WARN_AHEAD_MS;
    return warnAt <= joinedAt ? undefined : warnAt;
  }

  /**
   * A ping far in the future was answered before the clock was set back. It is ignored here, because the socket keeps it until
   * the next ping. Only {@link hearPings} uses it.
   */
  #silentAt({ socket, record }: Session, now: number): number {
    const pingedAt = this.#pingedAt(socket);
    const patienceMs =
      record.polledFrom === undefined ? this.#patienceMs : POLL_LASTS_MS + HEARD_RESOLUTION_MS;
    return Math.max(record.heardAt, pingedAt > now + MAX_AHEAD_MS ? 0 : pingedAt) + patienceMs;
  }
}
