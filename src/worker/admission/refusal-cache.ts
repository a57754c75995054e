import { endsAt } from "../../limits/durations.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { JoinRequest } from "../../protocol/contract.ts";
import type { RoomReference } from "./room-reference.ts";

/** Refusals remembered by an isolate. */
const MAX_REMEMBERED = 10_000;

/** For how long a room that is busy is not asked again, in milliseconds: its budget of joins grows all the time. */
const BUSY_MS = 500;

/** The longest that those who joined in a storm are spread over, in milliseconds. */
const MAX_SPREAD_MS = 30_000;

/**
 * A room that is busy because of this limit rejects new clients only. The Worker cannot tell them from sessions that
 * reconnect, so it asks the room each time. The room bounds such joins by `joinsPerSecond`.
 */
const FOR_NEW_CLIENTS = "maxUnreadBytes";

/** A room's refusal, which is given again for a while. */
interface Known {
  /** Until when, Unix milliseconds, and for how long it was noted. */
  readonly at: number;
  readonly forMs: number;
  readonly error: WireError;
  /** How many it was given to. */
  count: number;
}

/** What rooms have said of who may not come in for a while, so that they need not say it again. */
export class RefusalCache {
  readonly #refusals = new Map<string, Known>();

  /** The refusal that a room would give again. */
  refusal({ room, kind }: RoomReference, join: JoinRequest, now: number): WireError | undefined {
    for (const key of [bannedKey(room, join), room]) {
      const known = this.#refusals.get(key);
      if (known === undefined) continue;
      // It would last longer than noted, so the clock was set back. Only the room knows then.
      if (known.at > now && known.at === endsAt(known.at, known.forMs, now)) {
        known.count++;
        return { ...known.error, retryAfterMs: waitOf(known, known.at - now, kind.joinsPerSecond) };
      }
      this.#refusals.delete(key);
    }
    return undefined;
  }

  /** Takes note of a room's refusal. */
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

/** No room's name holds a space. */
function bannedKey(room: string, join: JoinRequest): string {
  return `${room} ${join.source ?? join.session}`;
}

/** Who is told to wait because of others is told another time than they, over as long as all of them will need. */
function waitOf({ error, count }: Known, leftMs: number, joinsPerSecond: number): number {
  if (error.code !== "room_busy") return leftMs;
  const spreadMs = Math.max(1_000, error.retryAfterMs ?? 0) + (1_000 * count) / joinsPerSecond;
  return Math.ceil(leftMs + Math.random() * Math.min(MAX_SPREAD_MS, spreadMs));
}
