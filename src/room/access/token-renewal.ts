import { accessTo } from "../../auth/claims.ts";
import type { Revocations } from "../../auth/revocations.ts";
import type { TokenVerifier } from "../../auth/verifier.ts";
import { Rights, refusalWithout } from "../../protocol/capabilities.ts";
import { expiresInMs, type Access } from "../../protocol/contract.ts";
import { defined } from "../../protocol/defined.ts";
import { errorFrame } from "../../protocol/encode.ts";
import type { AuthFrame } from "../../protocol/frames.ts";
import type { WireError } from "../../protocol/errors.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { MemberActor } from "../api.ts";
import type { Attempts } from "./attempts.ts";
import type { Background } from "../lifetime/background.ts";
import type { Deadlines } from "../lifetime/deadlines.ts";
import type { Members } from "../presence/members.ts";
import type { Reply, Outbox } from "../delivery/outbox.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** How the request for a renewal arrived, and where its outcome goes. */
interface Renewal {
  readonly reply: Reply;
  /** Whether the client's tokens arrive in the order in which it sent them, as over a socket. */
  readonly isOrdered: boolean;
  /** Called after the error reply, in the same turn, if the token is rejected. */
  readonly rejected: (error: WireError, now: number) => void;
}

/** The collaborators that a renewal needs. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly members: Members;
  readonly outbox: Outbox;
  readonly deadlines: Deadlines;
  readonly background: Background;
}

/**
 * Renews the tokens of connections: the user stays the same, capabilities and expiry are new.
 *
 * Tokens may arrive in another order than their client sent them. Another POST, or the client's next connection, may
 * overtake a POST. A check takes longer when a key has to be fetched. A token that turns out to be older changes nothing.
 */
export class TokenRenewals {
  readonly #verifier: TokenVerifier;
  readonly #revocations: Revocations;
  readonly #roomName: string;
  readonly #room: Collaborators;
  #begun = 0;
  /** The frame that brought each connection's token, if it came over a socket; numbered by `#begun`. */
  readonly #taken = new WeakMap<Session, number>();

  constructor(
    { verifier, revocations }: { readonly verifier: TokenVerifier; readonly revocations: Revocations },
    roomName: string,
    room: Collaborators,
  ) {
    this.#verifier = verifier;
    this.#revocations = revocations;
    this.#roomName = roomName;
    this.#room = room;
  }

  /** Starts to check a token, in the background. The reply follows when the check has finished. */
  renew(actor: MemberActor, { token, ref }: AuthFrame, { reply, isOrdered, rejected }: Renewal): void {
    const order = ++this.#begun;
    const check = this.#check(actor.user, token).then((checked) => (now: number): void => {
      const taken = checked.ok
        ? this.#take(actor, checked.value, isOrdered ? order : undefined, now)
        : checked;
      if (!taken.ok) {
        reply(errorFrame(defined({ ...taken.error, ref })));
        return rejected(taken.error, now);
      }
      reply(defined({ type: "ack", ref, expiresInMs: expiresInMs(taken.value, now) }));
    });
    this.#room.background.add(check);
  }

  /** Applies the token of a POST to the connection of its session, if the token is valid for longer and allows to join. */
  follow(actor: MemberActor, now: number): void {
    const session = this.#room.sessions.byId(actor.session);
    const { access } = actor;
    if (access === undefined || session?.record.access?.expiresAt === undefined) return;
    const isNewer =
      isLonger(access, session.record.access) && wasIssuedLater(access, session.record.access) !== false;
    if (!isNewer || this.#room.attempts.refusalOfAct(actor) !== undefined) return;
    if (new Rights(access.grants).may("join")) this.#apply(session, access, now);
  }

  /** Warns a connection that its token is about to expire. */
  warn(session: Session, now: number): void {
    const { access } = session.record;
    this.#room.sessions.update(session, { warnedOf: access?.expiresAt ?? now });
    const leftMs = access && expiresInMs(access, now);
    this.#room.outbox.replies.add(session, { type: "expiring", expiresInMs: leftMs ?? 0 });
  }

  /**
   * Applies a checked token, unless the connection has a newer one.
   *
   * @param order the order of its frame among those of a socket
   * @returns the access of the connection after that
   */
  #take(actor: MemberActor, access: Access, order: number | undefined, now: number): Result<Access> {
    const refusal = this.#room.attempts.refusalOfAct(actor);
    if (refusal !== undefined) return err(refusal);
    const session = this.#room.sessions.byId(actor.session);
    if (session === undefined) return ok(access); // It belongs to no connection. The next connection brings its own token.
    const current = session.record.access ?? access;
    const isLatest =
      order === undefined ? !isLonger(current, access) : order > (this.#taken.get(session) ?? 0);
    if (!(wasIssuedLater(access, current) ?? isLatest)) return ok(current);
    if (order !== undefined) this.#taken.set(session, order);
    this.#apply(session, access, now);
    return ok(access);
  }

  /** Gives a session the access of a token. */
  #apply(session: Session, access: Access, now: number): void {
    this.#room.sessions.renew(session, access);
    this.#room.deadlines.watch(session, now); // It may be valid for less time than the previous one.
    const member = this.#room.members.byId(session.record.member);
    const informed = member === undefined ? undefined : this.#room.members.inform(member, access.info);
    if (informed !== undefined) this.#room.outbox.presence.updated(informed);
  }

  /** Verifies a token and returns its access. An error counts as abuse unless it is temporary. */
  async #check(user: string, token: string): Promise<Result<Access>> {
    const checked = await this.#accessOf(user, token);
    if (checked.ok) return checked;
    const { error } = checked;
    const isTemporary = error.code === "unavailable" || error.retryAfterMs !== undefined;
    return isTemporary ? checked : err({ ...error, isAbuse: true });
  }

  async #accessOf(user: string, token: string): Promise<Result<Access>> {
    const claims = await this.#verifier.verify(token);
    if (!claims.ok) return claims;
    if (claims.value.user !== user) {
      return err({
        code: "forbidden",
        message: "the token belongs to another user; renew with a token of the same user",
      });
    }
    const allowed = accessTo(this.#roomName, claims.value);
    if (!allowed.ok) return allowed;
    const access = allowed.value;
    const refusal =
      refusalWithout("join", new Rights(access.grants)) ?? (await this.#revocations.refusal(user, access));
    return refusal === undefined ? ok(access) : err(refusal);
  }
}

/**
 * Whether a token was issued after another; `undefined` if a token has no issue time, or if both were issued in the
 * same second.
 */
function wasIssuedLater({ issuedAt }: Access, other: Access): boolean | undefined {
  if (issuedAt === undefined || other.issuedAt === undefined || issuedAt === other.issuedAt) return undefined;
  return issuedAt > other.issuedAt;
}

/** Whether a token is valid for longer than another. */
function isLonger({ expiresAt = Infinity }: Access, other: Access): boolean {
  return expiresAt > (other.expiresAt ?? Infinity);
}
