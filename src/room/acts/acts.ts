import type { Kind } from "../../config/config.ts";
import type { SessionBudget } from "../../limits/session-budget.ts";
import { Rights } from "../../protocol/capabilities.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import { errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { AuthFrame, ClientFrame, SeenFrame } from "../../protocol/frames.ts";
import { utf8Length } from "../../protocol/json.ts";
import { isAbuse } from "../../protocol/refusals.ts";
import type { Result } from "../../protocol/result.ts";
import { isSeenByOthers, refusalFor } from "./act-rules.ts";
import type { Actor } from "../api.ts";
import { isForConnection, type Attempts } from "../access/attempts.ts";
import type { RoomBudgets } from "../../limits/room-budgets.ts";
import type { Leaves } from "../membership/leave.ts";
import type { CatchUp } from "../delivery/catch-up.ts";
import type { Members } from "../presence/members.ts";
import type { Reply, Origin, Outbox } from "../delivery/outbox.ts";
import { mutedAs, type Penalties } from "../access/penalties.ts";
import type { Publishing } from "./publishing.ts";
import { sourceOf, type MeteredQueries } from "./metered-queries.ts";
import type { TokenRenewals } from "../access/token-renewal.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** Where replies go: one for each item of a frame, or one for a frame that is rejected as a whole. */
export interface Replies {
  /** The reply to the item with this index. */
  item(index: number): Reply;
  /** The frame is rejected as a whole, and none of its items takes effect. */
  whole(error: WireError): void;
}

/**
 * The largest frame that is parsed while the room's byte budget is spent, in bytes. It may contain a `seen`, which no
 * client repeats, or an `auth`, whose token can have several kilobytes. The budgets of sessions limit the number of
 * such frames.
 */
const ALWAYS_READ_BYTES = 8_192;

/** A received frame: its sender, its connection if it did not arrive by POST, and the budget that pays for it. */
interface Sent {
  readonly actor: Actor;
  readonly connection: Session | undefined;
  readonly budget: SessionBudget;
  readonly replies: Replies;
  readonly now: number;
  readonly rights: Rights;
  /** The rejection of the acts in a frame that is parsed although the room's byte budget is spent. */
  readonly roomSpent: WireError | undefined;
}

/** The collaborators that handle acts. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly members: Members;
  readonly budgets: RoomBudgets;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly publishing: Publishing;
  readonly leaves: Leaves;
  readonly renewals: TokenRenewals;
  readonly penalties: Penalties;
  readonly queries: MeteredQueries;
}

/**
 * Handles what members send: the path of a frame from its text to the outbox, the same for a socket and a POST. It contains
 * no `await`, so that nothing can happen between the checks of an act and its effect.
 */
export class Acts {
  readonly #kind: Kind;
  readonly #room: Collaborators;

  constructor(kind: Kind, room: Collaborators) {
    this.#kind = kind;
    this.#room = room;
  }

  /**
   * Handles one frame or one POST body. Its bytes are charged before it is parsed, whatever it contains. A frame over
   * the budget of its session is still parsed for its refs, as long as the session has rejections left. A large frame
   * over the budget of the room is not parsed, because many senders may send many of them.
   */
  receive(
    actor: Actor,
    connection: Session | undefined,
    data: string | ArrayBuffer,
    replies: Replies,
    now: number,
  ): void {
    const rights = connection?.rights ?? new Rights(actor.access?.grants);
    const isHere = this.#isHere(actor);
    // A client can invent a session that is not in the room for free, so its source pays.
    const payer = isHere ? actor.session : sourceOf(actor, connection);
    const budget = this.#room.budgets.of(payer, now);
    const { maxFrameBytes } = this.#kind;
    const bytes = sizeOf(data, maxFrameBytes);
    const isTooLarge = bytes > maxFrameBytes;
    const overBudget = budget.takeBytes(bytes, now);
    const spendsNothing = isTooLarge || overBudget !== undefined || !isHere || this.#isMuted(actor, now);
    const roomSpent = spendsNothing ? undefined : this.#room.budgets.takeRoomBytes(bytes, now);
    const sent = { actor, connection, budget, replies, now, rights, roomSpent };
    if (isTooLarge) {
      const message = `the frame is at least ${bytes} bytes, the limit is ${maxFrameBytes}`;
      return this.#refuseWhole(sent, { code: "frame_too_large", message, limit: "maxFrameBytes" });
    }
    // Rejections of a session that is not in the room are not counted, so nothing else would end a flood.
    if (!isHere && overBudget !== undefined) return this.#refuseWhole(sent, overBudget);
    if (roomSpent !== undefined && bytes > ALWAYS_READ_BYTES) return this.#refuseWhole(sent, roomSpent);
    const items = dialectOf(connection?.record.dialect ?? "json").read(data);
    if (!items.ok) return this.#refuseWhole(sent, items.error);
    let refused = 0;
    let isOverBudget = false;
    for (const [index, item] of items.value.entries()) {
      const error = this.#do(sent, index, item, overBudget);
      if (error === undefined) continue;
      if (error.code === "rate_limited") isOverBudget ||= isAbuse(error);
      else if (isAbuse(error)) refused++;
      replies.item(index)(errorFrame(error));
    }
    // A frame over budget counts once, however many items it has.
    this.#countRefusals(sent, refused + (isOverBudget ? 1 : 0));
  }

  /** Handles one item. Returns the error if it is rejected. */
  #do(
    sent: Sent,
    index: number,
    item: Result<ClientFrame>,
    overBudget: WireError | undefined,
  ): WireError | undefined {
    if (!item.ok) {
      const error = overBudget ?? this.#takeOwn(sent);
      return error === undefined ? item.error : withRef(error, item.error.ref);
    }
    const frame = item.value;
    if (frame.type === "seen") {
      // A report is accepted even over the budget. Otherwise a full window would stay full.
      const isFree = this.#noteSeen(sent, frame.chars, sent.replies.item(index));
      // The Worker sends the reports of a bridge. The bridge's client did not send them, so it gets no error.
      if (sent.connection?.record.dialect === "bridge") return undefined;
      return overBudget ?? (isFree ? undefined : this.#takeOwn(sent));
    }
    const error = overBudget ?? this.#takeOwn(sent) ?? this.#refusalOf(sent, frame);
    return withRef(error ?? this.#act(sent, index, frame), frame.ref);
  }

  /**
   * Checks a frame before the room looks at its content: capability, penalty and room budget. Only frames that might
   * take effect are charged to the room, so frames that cannot do not spend the shared budget.
   */
  #refusalOf(sent: Sent, frame: ClientFrame): WireError | undefined {
    const { actor, connection, budget, rights, now, roomSpent } = sent;
    const superseded = isForConnection(frame) ? this.#room.attempts.refusalOfAct(actor) : undefined;
    const refusal = superseded ?? refusalFor(frame, rights);
    // A session that is not in the room reaches no member, so it spends nothing of the shared budgets.
    if (refusal !== undefined || !this.#isHere(actor)) return refusal;
    const muted = mutedAs({ ...actor, source: sourceOf(actor, connection) });
    const mutedMs = isSeenByOthers(frame) ? this.#room.penalties.mutedForMs(muted, now) : 0;
    if (mutedMs > 0) return { code: "muted", limit: "maxRefusals", retryAfterMs: mutedMs };
    // A client that must renew its token or wants to leave cannot wait for a budget that others have spent.
    const isUrgent = frame.type === "auth" || frame.type === "leave";
    const spent = (isUrgent ? undefined : roomSpent) ?? this.#room.budgets.takeRoom(actor.user, now);
    return andOwnWait(spent, budget, now);
  }

  /** Charges one message to its session and its user, whatever happens to it, because few errors count as abuse. */
  #takeOwn({ actor, budget, now }: Sent): WireError | undefined {
    const spent = budget.takeMessage(now);
    if (spent !== undefined || !this.#isHere(actor)) return spent;
    return andOwnWait(this.#room.budgets.takeUser(actor.user, now), budget, now);
  }

  #act(sent: Sent, index: number, frame: Exclude<ClientFrame, SeenFrame>): WireError | undefined {
    const { actor, now } = sent;
    const reply = sent.replies.item(index);
    const isWatching = this.#room.sessions.byId(actor.session)?.record.viewOnly === true;
    switch (frame.type) {
      case "publish":
        if (isWatching) return { code: "view_only" };
        return this.#room.publishing.publish(actor, frame, originOf(actor, index, frame.ref), reply, now);
      case "set":
        if (isWatching) return { code: "view_only" };
        return this.#room.publishing.set(actor, frame, originOf(actor, index, frame.ref), reply, now);
      case "presence":
        if (isWatching) return { code: "view_only" };
        return this.#room.publishing.setPresence(actor, frame, reply, now);
      case "history":
        return this.#room.queries.history(actor, sent.connection, frame, reply, now);
      case "auth":
        return this.#renew(sent, frame, reply);
      case "leave":
        return this.#leave(sent, frame.ref, reply);
      default:
        return frame satisfies never;
    }
  }

  /**
   * Begins a renewal. An anonymous client has no token to renew. Its frame is rejected before the check, because the
   * check is expensive.
   */
  #renew(sent: Sent, frame: AuthFrame, reply: Reply): WireError | undefined {
    const { actor, connection } = sent;
    if (actor.user === "")
      return {
        code: "forbidden",
        message: "an anonymous session has no token to renew; join again with a token",
        isAbuse: true,
      };
    this.#room.renewals.renew(actor, frame, {
      reply,
      isOrdered: connection !== undefined,
      rejected: (error, now) => this.#countRefusals({ ...sent, now }, isAbuse(error) ? 1 : 0),
    });
    return undefined;
  }

  /**
   * Records what the client has read. Returns whether the report is free: one report is free for each frame sent to the
   * connection.
   */
  #noteSeen({ connection, now }: Sent, chars: number, reply: Reply): boolean {
    if (connection === undefined) {
      reply({ type: "ack" }); // A report by POST belongs to no connection.
      return false;
    }
    const isFree = connection.sendWindow.read(chars, now);
    if (connection.sendWindow.state.is === "behind") {
      this.#room.outbox.send(now); // It may be live after this, so it must have received everything.
      this.#room.catchUp.advance(connection, now);
    }
    return isFree;
  }

  /** A member in grace may also leave, by POST. Then there is no connection to close. */
  #leave({ actor, now }: Sent, ref: number | undefined, reply: Reply): WireError | undefined {
    const session = this.#room.sessions.byId(actor.session);
    const isThere = session !== undefined || this.#room.members.byId(actor.member) !== undefined;
    if (!isThere) return { code: "not_joined" };
    reply({ type: "ack", ...(ref !== undefined && { ref }) });
    if (session !== undefined) this.#room.leaves.depart(session, now, "left", "left");
    else this.#room.leaves.end(actor.member, now, "left");
    return undefined;
  }

  #refuseWhole(sent: Sent, error: WireError): void {
    sent.replies.whole(error);
    this.#countRefusals(sent, isAbuse(error) ? 1 : 0);
  }

  #countRefusals({ actor, budget, now }: Sent, refused: number): void {
    // A session that is not in the room has nothing to lose, and its acts must not create a room.
    const penalty = refused === 0 || !this.#isHere(actor) ? undefined : budget.countRefusals(refused, now);
    if (penalty === undefined) return;
    const session = this.#room.sessions.byId(actor.session);
    const source = sourceOf(actor, session);
    if (penalty === "mute") return this.#room.penalties.impose("mute", mutedAs({ ...actor, source }), now);
    // A POST may come from another address than its session's connection.
    const sources = new Set([source, session?.record.source ?? source]);
    for (const each of sources) this.#room.penalties.impose("ban", each, now);
    this.#room.leaves.banish(actor, now);
  }

  #isMuted(actor: Actor, now: number): boolean {
    return this.#room.penalties.mutedForMs(mutedAs(actor), now) > 0;
  }

  #isHere({ session, member }: Actor): boolean {
    return this.#room.sessions.byId(session) !== undefined || this.#room.members.byId(member) !== undefined;
  }
}

/** The bytes of a frame. A text has at least as many bytes as characters, so a text with too many is not counted. */
function sizeOf(data: string | ArrayBuffer, max: number): number {
  if (typeof data !== "string") return data.byteLength;
  return data.length > max ? data.length : utf8Length(data);
}

/** What identifies a recorded act: its ref, otherwise its index in a request that has a key. */
function originOf(actor: Actor, index: number, ref: number | undefined): Origin {
  if (ref !== undefined || actor.request === undefined) return { session: actor.session, ref, named: ref };
  return { session: actor.request, ref: index + 1, named: undefined };
}

/**
 * Extends a rejection by a shared budget: a client that waits this long must then also be within its session's budget.
 */
function andOwnWait(spent: WireError | undefined, budget: SessionBudget, now: number): WireError | undefined {
  return spent && { ...spent, retryAfterMs: Math.max(spent.retryAfterMs ?? 0, budget.messageWaitMs(now)) };
}

function withRef(error: WireError | undefined, ref: number | undefined): WireError | undefined {
  return error === undefined || ref === undefined ? error : { ...error, ref };
}
