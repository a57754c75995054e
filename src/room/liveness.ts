import type { Kind } from "../config/config.ts";
import { HEARD_RESOLUTION_MS } from "./attachment.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Connections are looked at on a grid of this length: each visit wakes the room. */
const CHECK_INTERVAL_MS = 60_000;

/** Finds connections that have fallen silent: no frame, and no ping that the platform answered. */
export class Liveness {
  readonly #patienceMs: number;
  readonly #sessions: Sessions;
  readonly #pingedAt: (socket: WebSocket) => number;

  /** @param pingedAt when the platform last answered a socket's ping, Unix milliseconds; 0 for never */
  constructor(kind: Kind, sessions: Sessions, pingedAt: (socket: WebSocket) => number) {
    // A record may be as stale as its resolution; nobody is closed for that.
    this.#patienceMs = kind.silenceTimeoutMs + HEARD_RESOLUTION_MS;
    this.#sessions = sessions;
    this.#pingedAt = pingedAt;
  }

  /** The sessions that nothing was heard of for too long. */
  silent(now: number): readonly Session[] {
    return [...this.#sessions.all()].filter((session) => this.#silentAt(session) <= now);
  }

  /** When to look whether anyone has fallen silent: once a minute at most, and not before someone can have. */
  nextCheck(): number | undefined {
    let earliest = Infinity;
    for (const session of this.#sessions.all()) earliest = Math.min(earliest, this.checkOf(session));
    return earliest === Infinity ? undefined : earliest;
  }

  /** When to look whether this connection has fallen silent. */
  checkOf(session: Session): number {
    return Math.ceil(this.#silentAt(session) / CHECK_INTERVAL_MS) * CHECK_INTERVAL_MS;
  }

  #silentAt({ socket, record }: Session): number {
    return Math.max(record.heardAt, this.#pingedAt(socket)) + this.#patienceMs;
  }
}
