import type { WireError } from "../../protocol/errors.ts";
import type { ClientFrame } from "../../protocol/frames.ts";
import type { SessionRecord } from "../connections/attachment.ts";
import type { Members } from "../presence/members.ts";
import type { Sessions } from "../connections/sessions.ts";

/** The fields that tie a join or an act to a connection attempt of a session. */
type Attempted = Pick<SessionRecord, "session" | "member" | "attempt">;

/**
 * Orders the connection attempts of each session by their numbers. A delayed attempt or a delayed `leave` then never
 * affects a newer connection, even if the session has no connection at that moment.
 */
export class Attempts {
  readonly #sessions: Sessions;
  readonly #members: Members;

  constructor({ sessions, members }: { readonly sessions: Sessions; readonly members: Members }) {
    this.#sessions = sessions;
    this.#members = members;
  }

  /** The attempt number of a session's newest connection; 0 if none is known. */
  newestOf({ session, member }: Attempted): number {
    const connected = this.#sessions.byId(session)?.record.attempt;
    if (connected !== undefined) return connected;
    const ended = this.#sessions.endedAttempts.of(session) ?? 0;
    return Math.max(ended, this.#members.byId(member)?.attempt ?? 0);
  }

  /** Rejects a join that is older than the session's newest attempt. Returns `undefined` for a current join. */
  refusalOfJoin(join: Attempted): WireError | undefined {
    const newest = this.newestOf(join);
    return join.attempt !== undefined && join.attempt < newest
      ? { code: "superseded", try: newest }
      : undefined;
  }

  /**
   * Rejects an act for another connection than the session's newest. Returns `undefined` for an act that names no
   * connection.
   */
  refusalOfAct(act: Attempted): WireError | undefined {
    const { session, attempt } = act;
    if (attempt === undefined) return undefined;
    const newest = this.newestOf(act);
    // Without a connection, a higher number belongs to a newer connection that a crash made the room forget.
    const isOther =
      this.#sessions.byId(session) === undefined ? attempt < newest : newest !== 0 && attempt !== newest;
    return isOther ? { code: "superseded", try: newest } : undefined;
  }
}

/**
 * Whether an act concerns only its own connection. Such an act has no effect once a newer connection has replaced that
 * one, because the next connection of a client may overtake its POST. A publish belongs to the session, whenever it
 * arrives.
 */
export function isForConnection({ type }: ClientFrame): boolean {
  return type === "leave" || type === "presence" || type === "auth";
}
