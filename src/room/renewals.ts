import { accessTo } from "../auth/claims.ts";
import type { Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import { Rights, refusalWithout } from "../protocol/capabilities.ts";
import { expiresInMs, type Access } from "../protocol/contract.ts";
import { errorFrame } from "../protocol/encode.ts";
import type { AuthFrame } from "../protocol/frames.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import type { Actor } from "./api.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Members } from "./members.ts";
import type { Answer, Outbox } from "./outbox.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What is to be done in a turn of the room. */
type Turn = (now: number) => void;

/** Takes new tokens for connections: the user stays, what it may do and until when is new. */
export class Renewals {
  readonly #verifier: TokenVerifier;
  readonly #revocations: Revocations;
  readonly #room: string;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #outbox: Outbox;
  readonly #deadlines: Deadlines;
  #checks: Promise<Turn>[] = [];

  constructor(
    { verifier, revocations }: { readonly verifier: TokenVerifier; readonly revocations: Revocations },
    room: string,
    of: {
      readonly sessions: Sessions;
      readonly members: Members;
      readonly outbox: Outbox;
      readonly deadlines: Deadlines;
    },
  ) {
    this.#verifier = verifier;
    this.#revocations = revocations;
    this.#room = room;
    this.#sessions = of.sessions;
    this.#members = of.members;
    this.#outbox = of.outbox;
    this.#deadlines = of.deadlines;
  }

  /**
   * Begins to check a token. It takes a while: what follows is for {@link takeChecks}, the answer too.
   */
  renew(actor: Actor, { token, ref }: AuthFrame, answer: Answer): void {
    const named = ref !== undefined && { ref };
    const check = this.#check(actor.user, token).then((checked) => (now: number): void => {
      if (!checked.ok) return answer(errorFrame({ ...checked.error, ...named }));
      this.#apply(actor, checked.value, now);
      const leftMs = expiresInMs(checked.value, now);
      answer({ type: "ack", ...named, ...(leftMs !== undefined && { expiresInMs: leftMs }) });
    });
    this.#checks.push(check);
  }

  /** The checks begun since the last call, each with what to do in a turn of its own. */
  takeChecks(): readonly Promise<Turn>[] {
    const checks = this.#checks;
    this.#checks = [];
    return checks;
  }

  /** Takes the token of a POST for the session's, where it is good for longer and allows to be there. */
  follow(actor: Actor, now: number): void {
    const until = this.#sessions.byId(actor.session)?.record.access?.expiresAt;
    const { access } = actor;
    if (until === undefined || access === undefined || (access.expiresAt ?? 0) <= until) return;
    if (new Rights(access.grants).may("join")) this.#apply(actor, access, now);
  }

  /** Tells a connection that its token is about to expire. */
  warn(session: Session, now: number): void {
    const { access } = session.record;
    this.#sessions.update(session, { warnedOf: access?.expiresAt ?? now });
    const leftMs = access && expiresInMs(access, now);
    this.#outbox.reply(session, { type: "expiring", expiresInMs: leftMs ?? 0 });
  }

  /** Gives a session what a token allows. */
  #apply({ session: id, member: memberId }: Actor, access: Access, now: number): void {
    const session = this.#sessions.byId(id);
    if (session !== undefined) {
      this.#sessions.renew(session, access);
      this.#deadlines.watch(session, now); // It may be good for less than the one before.
    }
    const member = this.#members.byId(memberId);
    const informed = member === undefined ? undefined : this.#members.inform(member, access.info);
    if (informed !== undefined) this.#outbox.presence.updated(informed);
  }

  async #check(user: string, token: string): Promise<Result<Access>> {
    const claims = await this.#verifier.verify(token);
    if (!claims.ok) return claims;
    if (user === "" || claims.value.user !== user) {
      return err({ code: "forbidden", message: "the token is another user's" });
    }
    const access = accessTo(this.#room, claims.value);
    const refusal =
      refusalWithout("join", new Rights(access.grants)) ?? (await this.#revocations.refusal(user, access));
    return refusal === undefined ? ok(access) : err(refusal);
  }
}
