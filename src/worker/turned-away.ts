import type { WireError } from "../protocol/errors.ts";
import type { JoinRequest } from "../protocol/contract.ts";

/** Refusals remembered by an isolate. */
const MAX_REMEMBERED = 10_000;

/** For how long a room that is busy is not asked again, in milliseconds: its budget of joins grows all the time. */
const BUSY_MS = 500;

/** What rooms have said of who may not come in for a while, so that they need not say it again. */
export class TurnedAway {
  readonly #until = new Map<string, { readonly at: number; readonly error: WireError }>();

  /** The refusal that a room would give again. */
  refusal(room: string, join: JoinRequest, now: number): WireError | undefined {
    for (const key of [bannedKey(room, join), room]) {
      const known = this.#until.get(key);
      if (known === undefined) continue;
      if (known.at > now) return { ...known.error, retryAfterMs: waitOf(known.error, known.at - now) };
      this.#until.delete(key);
    }
    return undefined;
  }

  /** Takes note of a room's refusal. */
  note(room: string, join: JoinRequest, refused: WireError, now: number): void {
    const { retryAfterMs = 0 } = refused;
    if (this.#until.size >= MAX_REMEMBERED) this.#until.clear();
    if (refused.code === "banned") {
      this.#until.set(bannedKey(room, join), { at: now + retryAfterMs, error: refused });
    } else if (refused.code === "room_busy") {
      this.#until.set(room, { at: now + Math.min(BUSY_MS, retryAfterMs), error: refused });
    }
  }
}

/** No room's name holds a space. */
function bannedKey(room: string, join: JoinRequest): string {
  return `${room} ${join.source ?? join.session}`;
}

/** Who is told to wait because of others is told another time than they. */
function waitOf(error: WireError, leftMs: number): number {
  if (error.code !== "room_busy") return leftMs;
  return Math.ceil(leftMs + Math.random() * Math.max(1_000, error.retryAfterMs ?? 0));
}
