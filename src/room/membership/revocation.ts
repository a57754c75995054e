import { isRevokedBy, type Revocation, type Revocations } from "../../auth/revocations.ts";
import { isWithin } from "../../limits/durations.ts";
import type { Check } from "../lifetime/background.ts";
import type { Leaves } from "./leave.ts";
import type { Members } from "../presence/members.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** The interval at which a room that is awake refreshes the revocation list, in milliseconds. */
const ASK_EVERY_MS = 60_000;

/** The collaborators that a revocation changes. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly members: Members;
  readonly leaves: Leaves;
}

/** Removes revoked members: at once if the registry calls the room, otherwise after the next refresh of the list. */
export class RevokedMembers {
  readonly #revocations: Revocations;
  readonly #room: Collaborators;
  #askedAt = -Infinity;

  constructor(revocations: Revocations, room: Collaborators) {
    this.#revocations = revocations;
    this.#room = room;
  }

  /** Removes the members that a revocation applies to. Returns their number. */
  remove(revocation: Revocation, now: number): number {
    this.#revocations.learn(revocation);
    const revoked = this.#sessionsWhere(({ record }) => isRevokedBy(revocation, record.user, record.access));
    this.#end(revoked, now);
    if (revocation.kind === "token") return revoked.length;
    // The room no longer has the token of a member in its grace period, only its user.
    const lost = [...this.#room.members.all()].filter(
      ({ user, session }) => user === revocation.id && this.#room.sessions.byId(session) === undefined,
    );
    for (const { id } of lost) this.#room.leaves.end(id, now, "removed");
    return revoked.length + lost.length;
  }

  /** Starts to refresh the revocation list if that is due, and then removes revoked members. */
  ask(now: number): Check | undefined {
    if (!this.#revocations.isOn || isWithin(ASK_EVERY_MS, this.#askedAt, now)) return undefined;
    if (this.#sessionsWhere(() => true).length === 0) return undefined;
    this.#askedAt = now;
    // If the registry is unavailable, the next refresh is in a minute, and a newly revoked member stays until then.
    return this.#revocations.refresh().then(
      () => (then: number) =>
        this.#end(
          this.#sessionsWhere(({ record }) => this.#revocations.covers(record.user, record.access)),
          then,
        ),
      () => () => undefined,
    );
  }

  #sessionsWhere(isMeant: (session: Session) => boolean): readonly Session[] {
    return [...this.#room.sessions.all()].filter((session) => session.record.user !== "" && isMeant(session));
  }

  #end(sessions: readonly Session[], now: number): void {
    for (const session of sessions) this.#room.leaves.depart(session, now, "removed", "forbidden");
  }
}
