import { isRevokedBy, type Revocation, type Revocations } from "../../auth/revocations.ts";
import { isWithin } from "../../limits/durations.ts";
import type { Leaves } from "./leave.ts";
import type { Members } from "../presence/members.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** A room that is awake asks so often who has been revoked, in milliseconds. */
const ASK_EVERY_MS = 60_000;

/** Removes who is revoked: at once when the room is told, and when it hears of it by itself. */
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

  /** Removes those whom a revocation is about; returns how many. */
  remove(revocation: Revocation, now: number): number {
    this.#revocations.learn(revocation);
    const revoked = this.#sessionsWhere(({ record }) => isRevokedBy(revocation, record.user, record.access));
    this.#end(revoked, now);
    if (revocation.kind === "token") return revoked.length;
    // Those in grace have no token here any more: the user is all that is known.
    const lost = [...this.#members.all()].filter(
      ({ user, session }) => user === revocation.id && this.#sessions.byId(session) === undefined,
    );
    for (const { id } of lost) this.#leaves.end(id, now, "removed");
    return revoked.length + lost.length;
  }

  /** Asks who has been revoked, if it is time to; `undefined` if it is not, else what to do then, in a turn of its own. */
  ask(now: number): Promise<(now: number) => void> | undefined {
    if (!this.#revocations.isOn || isWithin(ASK_EVERY_MS, this.#askedAt, now)) return undefined;
    if (this.#sessionsWhere(() => true).length === 0) return undefined;
    this.#askedAt = now;
    // One that cannot be asked now is asked in a minute: whom it does not know of stays so long.
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
