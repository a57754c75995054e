import type { Kind } from "../../config/config.ts";
import { beganAt } from "../../limits/durations.ts";
import { HEARD_RESOLUTION_MS } from "./attachment.ts";
import { isExpired, type Session, type Sessions } from "./sessions.ts";

/** Connections are looked at on a grid of this length: each visit wakes the room. */
const CHECK_INTERVAL_MS = 60_000;

/** How far ahead a ping may be, in milliseconds, because a turn's clock stands still while the platform answers pings. */
const MAX_AHEAD_MS = 15_000;

/** How long before its token expires a connection is warned, in milliseconds: four slots of the alarm. */
const WARN_AHEAD_MS = 60_000;

/**
 * Finds connections that have fallen silent: no frame, and no ping that the platform answered. And those that have
 * stopped reading, though they may well ping.
 */
export class Liveness {
  readonly #patienceMs: number;
  readonly #slowTimeoutMs: number;
  readonly #sessions: Sessions;
  readonly #pingedAt: (socket: WebSocket) => number;

  /** @param pingedAt when the platform last answered a socket's ping, Unix milliseconds; 0 for never */
  constructor(kind: Kind, sessions: Sessions, pingedAt: (socket: WebSocket) => number) {
    // A record may be as stale as its resolution; nobody is closed for that.
    this.#patienceMs = kind.silenceTimeoutMs + HEARD_RESOLUTION_MS;
    this.#slowTimeoutMs = kind.slowTimeoutMs;
    this.#sessions = sessions;
    this.#pingedAt = pingedAt;
  }

  /** The sessions that nothing was heard of for too long. */
  silent(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => this.#silentAt(session, now) <= now);
  }

  /** The sessions whose window has been full for too long. */
  stalled(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => (this.stalledBy(session) ?? Infinity) <= now);
  }

  /** The sessions whose tokens have expired. */
  expired(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => isExpired(session, now));
  }

  /** The sessions whose tokens are about to expire, and that have not been warned of it. */
  expiring(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => (this.#warnAt(session) ?? Infinity) <= now);
  }

  /** When the token of a connection asks for something: for a warning, then for its end; `undefined` where it never does. */
  expiryOf(session: Session): number | undefined {
    return this.#warnAt(session) ?? session.record.access?.expiresAt;
  }

  /** The first {@link expiryOf}. */
  nextExpiry(): number | undefined {
    const times = [...this.#sessions.all()].map((session) => this.expiryOf(session) ?? Infinity);
    const first = times.reduce((least, time) => Math.min(least, time), Infinity);
    return first === Infinity ? undefined : first;
  }

  /** When a connection that reads nothing any more has had its time; `undefined` for one that keeps up. */
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

  /** When to look whether anyone has fallen silent: once a minute at most, and not before someone can have. */
  nextCheck(now: number): number | undefined {
    let earliest = Infinity;
    for (const session of this.#sessions.all()) earliest = Math.min(earliest, this.checkOf(session, now));
    return earliest === Infinity ? undefined : earliest;
  }

  /** When to look whether this connection has fallen silent. */
  checkOf(session: Session, now: number): number {
    return Math.ceil(this.#silentAt(session, now) / CHECK_INTERVAL_MS) * CHECK_INTERVAL_MS;
  }

  /** Restarts the times that are ahead of a clock that was set back; returns whether there were any. */
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

  /** When a connection is to be warned; `undefined` where it was, or was told of so short a time when it joined. */
  #warnAt({ record }: Session): number | undefined {
    const { access, joinedAt, warnedOf } = record;
    const expiresAt = access?.expiresAt;
    if (expiresAt === undefined || warnedOf === expiresAt) return undefined;
    const warnAt = expiresAt - WARN_AHEAD_MS;
    return warnAt <= joinedAt ? undefined : warnAt;
  }

  /**
   * A ping far ahead of the clock was before the clock was set back. Only {@link hearPings} uses it, because it stays in the
   * socket until the next ping.
   */
  #silentAt({ socket, record }: Session, now: number): number {
    const pingedAt = this.#pingedAt(socket);
    return Math.max(record.heardAt, pingedAt > now + MAX_AHEAD_MS ? 0 : pingedAt) + this.#patienceMs;
  }
}
