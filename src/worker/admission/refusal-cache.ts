import { endsAt } from "../../limits/durations.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { JoinRequest } from "../../protocol/contract.ts";
import type { RoomReference } from "./room-reference.ts";

/** The maximum refusals that an isolate remembers. */
const MAX_REMEMBERED = 10_000;

/** How long a busy room is not called again, in milliseconds. Short, because its join budget refills continuously. */
const BUSY_MS = 500;

/** The maximum time over which the retries of a join storm are spread, in milliseconds. */
const MAX_SPREAD_MS = 30_000;

/**
 * The limit that only new clients of a busy room run into. The Worker cannot distinguish them from sessions that reconnect,
 * so it calls the room each time. `joinsPerSecond` bounds these calls.
 */
const FOR_NEW_CLIENTS = "maxUnreadBytes";

/** A room's refusal, which the isolate repeats for some time. */
interface Known {
  /** When it expires, in Unix milliseconds, and the duration for which it was noted. */
  readonly at: number;
  readonly forMs: number;
  readonly error: WireError;
  /** How many joins have received it. */
  count: number;
}

/** Remembers refusals that stay valid for some time, so that repeated join requests do not reach the room. */
export class RefusalCache {
  readonly #refusals = new Map<string, Known>();

  /** Returns the refusal that the room would repeat, if there is one. */
  refusal({ room, kind }: RoomReference, join: JoinRequest, now: number): WireError | undefined {
    for (const key of [bannedKey(room, join), room]) {
      const known = this.#refusals.get(key);
      if (known === undefined) continue;
      // Otherwise the refusal has expired, or would last longer than noted because the clock was set back.
      if (known.at > now && known.at === endsAt(known.at, known.forMs, now)) {
        known.count++;
        return { ...known.error, retryAfterMs: waitOf(known, known.at - now, kind.joinsPerSecond) };
      }
      this.#refusals.delete(key);
    }
    return undefined;
  }

  /** Notes a room's refusal, if it stays valid for some time. */
  note(room: string, join: JoinRequest, refused: WireError, now: number): void {
    const { retryAfterMs = 0 } = refused;
    if (this.#refusals.size >= MAX_REMEMBERED) this.#refusals.clear();
    if (refused.code === "banned") {
      this.#note(bannedKey(room, join), retryAfterMs, refused, now);
    } else if (refused.code === "room_busy" && refused.limit !== FOR_NEW_CLIENTS) {
      this.#note(room, Math.min(BUSY_MS, retryAfterMs), refused, now);
    }
  }

  #note(key: string, forMs: number, error: WireError, now: number): void {
    this.#refusals.set(key, { at: now + forMs, forMs, error, count: 0 });
  }
}

/** The key of a ban. It is unambiguous, because no room name contains a space. */
function bannedKey(room: string, join: JoinRequest): string {
  return `${room} ${join.source ?? join.session}`;
}

/** Returns how long a client waits. Clients of a busy room get random times, spread over the time that all their joins take. */
function waitOf({ error, count }: Known, leftMs: number, joinsPerSecond: number): number {
  if (error.code !== "room_busy") return leftMs;
  const spreadMs = Math.max(1_000, error.retryAfterMs ?? 0) + (1_000 * count) / joinsPerSecond;
  return Math.ceil(leftMs + Math.random() * Math.min(MAX_SPREAD_MS, spreadMs));
}
