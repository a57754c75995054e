import type { Kind } from "../../config/config.ts";
import type { RoomBudgets } from "../../limits/room-budgets.ts";
import type { SessionBudget } from "../../limits/session-budget.ts";
import { Rights } from "../../protocol/capabilities.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { ClientFrame, SeenFrame } from "../../protocol/frames.ts";
import type { Actor } from "../api.ts";
import type { Session, Sessions } from "../connections/sessions.ts";
import type { Members } from "../presence/members.ts";
import { isSeenByOthers, refusalFor, refusalWithoutScope } from "./act-rules.ts";
import { isForConnection, type Attempts } from "./attempts.ts";
import { mutedAs, type Penalties } from "./penalties.ts";

/**
 * The largest frame that is parsed while the room's byte budget is spent, in bytes. It may contain a `seen`, which no
 * client repeats, or an `auth`, whose token can have several kilobytes. The budgets of sessions limit the number of
 * such frames.
 */
const ALWAYS_READ_BYTES = 8_192;

/** A received frame before it is parsed: its sender, its connection if it did not arrive by POST, and what pays for it. */
export interface Sent<Sender extends Actor = Actor> {
  readonly actor: Sender;
  readonly connection: Session | undefined;
  /** The rights of a session. A server has scopes instead. */
  readonly rights: Rights;
  readonly budget: SessionBudget;
  readonly now: number;
  /** Why the frame is rejected as a whole, and not parsed. */
  readonly refusal: WireError | undefined;
  /** The rejection of all items, because the frame is over the byte budget of its session. */
  readonly overBudget: WireError | undefined;
  /** The rejection of the acts in a frame that is parsed although the room's byte budget is spent. */
  readonly roomSpent: WireError | undefined;
}

/** An item of a frame that is an act. A `seen` is a report, and is always accepted. */
export type Act = Exclude<ClientFrame, SeenFrame>;

/** The collaborators that know what an actor may do. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly members: Members;
  readonly budgets: RoomBudgets;
  readonly penalties: Penalties;
}

/**
 * Decides whether an actor may do an act. Checks that it is in the room, that it acts for its newest connection, and its
 * rights, penalties and budgets. The contents of an act are checked later, where it takes effect.
 */
export class ActAdmission {
  readonly #kind: Pick<Kind, "maxFrameBytes">;
  readonly #room: Collaborators;

  constructor(kind: Pick<Kind, "maxFrameBytes">, room: Collaborators) {
    this.#kind = kind;
    this.#room = room;
  }

  /**
   * Charges the bytes of a frame before it is parsed, whatever it contains. A frame over the budget of its session is
   * still parsed for its refs, as long as the session has rejections left. A large frame over the budget of the room is
   * not parsed, because many senders may send many of them.
   */
  admitFrame<Sender extends Actor>(
    actor: Sender,
    connection: Session | undefined,
    bytes: number,
    now: number,
  ): Sent<Sender> {
    const isHere = this.isHere(actor);
    const rights = connection?.rights ?? new Rights(actor.type === "server" ? [] : actor.access?.grants);
    // A client can invent a session that is not in the room for free, so its source pays.
    const payer = actor.type === "server" || !isHere ? sourceOf(actor) : actor.session;
    const budget = this.#room.budgets.of(payer, now);
    const { maxFrameBytes } = this.#kind;
    const isTooLarge = bytes > maxFrameBytes;
    const overBudget = budget.takeBytes(bytes, now);
    const spendsNothing =
      isTooLarge || overBudget !== undefined || !isHere || this.#mutedForMs(actor, now) > 0;
    const roomSpent = spendsNothing ? undefined : this.#room.budgets.takeRoomBytes(bytes, now);
    let refusal: WireError | undefined;
    if (isTooLarge) {
      const message = `the frame is at least ${bytes} bytes, the limit is ${maxFrameBytes}`;
      refusal = { code: "frame_too_large", message, limit: "maxFrameBytes" };
      // Rejections of a session that is not in the room are not counted, so nothing else would end a flood.
    } else if (!isHere) refusal = overBudget;
    else if (bytes > ALWAYS_READ_BYTES) refusal = roomSpent;
    return { actor, connection, rights, budget, now, refusal, overBudget, roomSpent };
  }

  /** Charges one message to its sender, whatever happens to it, because few errors count as abuse. */
  chargeMessage({ actor, budget, overBudget, now }: Sent): WireError | undefined {
    const spent = overBudget ?? budget.takeMessage(now);
    if (spent !== undefined || actor.type === "server" || !this.isHere(actor)) return spent;
    return andOwnWait(this.#room.budgets.takeUser(actor.user, now), budget, now);
  }

  /**
   * Returns the error if an actor may not do an act. Charges the act to its sender, and to the room if it might take
   * effect, so that acts that cannot do not spend the shared budget.
   *
   * An act that has taken effect before is admitted even if its sender has left since, because a retry receives the first
   * reply again.
   */
  admitAct(sent: Sent, act: Act): WireError | undefined {
    const { actor, now } = sent;
    const refusal = this.chargeMessage(sent) ?? this.#refusalOfRights(sent, act);
    if (refusal !== undefined) return refusal;
    // A session that is not in the room reaches no member, so it spends nothing of the shared budgets.
    if (!this.isHere(actor)) return refusalOfAnonymous(actor, act) ?? refusalOfAbsent(act);
    const mutedMs = isSeenByOthers(act) ? this.#mutedForMs(actor, now) : 0;
    if (mutedMs > 0) return { code: "muted", limit: "maxRefusals", retryAfterMs: mutedMs };
    return this.#chargeRoom(sent, act) ?? refusalOfAnonymous(actor, act) ?? this.#refusalOfViewer(actor, act);
  }

  /** Whether an actor is in the room. A server always is. */
  isHere(actor: Actor): boolean {
    return (
      actor.type === "server" ||
      this.#room.sessions.byId(actor.session) !== undefined ||
      this.#room.members.byId(actor.member) !== undefined
    );
  }

  #mutedForMs(actor: Actor, now: number): number {
    return actor.type === "server" ? 0 : this.#room.penalties.mutedForMs(mutedAs(actor), now);
  }

  #refusalOfRights({ actor, rights }: Sent, act: Act): WireError | undefined {
    if (actor.type === "server") return refusalWithoutScope(act, actor.scopes);
    const superseded = isForConnection(act) ? this.#room.attempts.refusalOfAct(actor) : undefined;
    return superseded ?? refusalFor(act, rights);
  }

  /** A client that must renew its token or wants to leave cannot wait for a budget that others have spent. */
  #chargeRoom({ actor, budget, now, roomSpent }: Sent, { type }: Act): WireError | undefined {
    const isUrgent = type === "auth" || type === "leave";
    const user = actor.type === "server" ? "" : actor.user;
    const spent = (isUrgent ? undefined : roomSpent) ?? this.#room.budgets.takeRoom(user, now);
    return andOwnWait(spent, budget, now);
  }

  /** A connection that only watches is not a member. */
  #refusalOfViewer(actor: Actor, act: Act): WireError | undefined {
    if (actor.type === "server" || !isSeenByOthers(act)) return undefined;
    const isWatching = this.#room.sessions.byId(actor.session)?.record.viewOnly === true;
    return isWatching ? { code: "view_only" } : undefined;
  }
}

/** The source that pays for an act, if its session does not. */
export function sourceOf(actor: Actor): string {
  return actor.type === "server" ? actor.source : (actor.source ?? actor.session);
}

/** An anonymous client has no token to renew. It is rejected before the check of the token, because that is expensive. */
function refusalOfAnonymous(actor: Actor, { type }: Act): WireError | undefined {
  if (type !== "auth" || actor.type === "server" || actor.user !== "") return undefined;
  return {
    code: "forbidden",
    message: "an anonymous session has no token to renew; join again with a token",
    isAbuse: true,
  };
}

/**
 * The error for a session that is not in the room. It may renew its token for its next connection. Its publishes and sets
 * may be retries, so they are deduplicated before they are rejected.
 */
function refusalOfAbsent({ type }: Act): WireError | undefined {
  return type === "presence" || type === "history" || type === "leave" ? { code: "not_joined" } : undefined;
}

/**
 * Extends a rejection by a shared budget: a client that waits this long must then also be within its session's budget.
 */
function andOwnWait(spent: WireError | undefined, budget: SessionBudget, now: number): WireError | undefined {
  return spent && { ...spent, retryAfterMs: Math.max(spent.retryAfterMs ?? 0, budget.messageWaitMs(now)) };
}
