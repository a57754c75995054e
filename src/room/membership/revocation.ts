import { isRevokedBy, type Revocation, type Revocations } from "../../auth/revocations.ts";
import { isWithin } from "../../limits/durations.ts";
import type { Leaves } from "./leave.ts";
import type { Members } from "../presence/members.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** How often an awake room refreshes the revocation list, in milliseconds. */
const ASK_EVERY_MS = 60_000;

/** Removes revoked members: immediately when the room is notified, and after each refresh of the revocation list. */
export class RevokedMembers {
  readonly #revocations: Revocations;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #leaves: Leaves;
  #askedAt = -Infinity;

  constructor(
    revocations: Revocations,
    of: { readonly sessions: Sessions; readonly members: Members; readonly leaves: Leaves },
  ) {
    this.#revocations = revocations;
    this.#sessions = of.sessions;
    this.#members = of.members;
    this.#leaves = of.leaves;
  }

  /** Removes the members that a revocation covers. Returns how many. */
  remove(revocation: Revocation, now: number): number {
    this.#revocations.learn(revocation);
    const revoked = this.#sessionsWhere(({ record }) => isRevokedBy(revocation, record.user, record.access));
    this.#end(revoked, now);
    if (revocation.kind === "token") return revoked.length;
    // The room has no token of a member in grace. Only its user is known.
    const lost = [...this.#members.all()].filter(
      ({ user, session }) => user === revocation.id && this.#sessions.byId(session) === undefined,
    );
    for (const { id } of lost) this.#leaves.end(id, now, "removed");
    return revoked.length + lost.length;
  }

  /**
   * Refreshes the revocation list if a refresh is due, else returns `undefined`. The promise resolves to the work for a
   * turn of its own.
   */
  ask(now: number): Promise<(now: number) => void> | undefined {
    if (!this.#revocations.isOn || isWithin(ASK_EVERY_MS, this.#askedAt, now)) return undefined;
    if (this.#sessionsWhere(() => true).length === 0) return undefined;
    this.#askedAt = now;
    // A failed refresh is retried after a minute. Until then, a member whose revocation is unknown stays.
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
    return [...this.#sessions.all()].filter((session) => session.record.user !== "" && isMeant(session));
  }

  #end(sessions: readonly Session[], now: number): void {
    for (const session of sessions) this.#leaves.depart(session, now, "removed", "forbidden");
  }
}
