import type { Kind } from "../../config/config.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import { errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { AuthFrame, ClientFrame } from "../../protocol/frames.ts";
import { utf8Length } from "../../protocol/json.ts";
import { isAbuse } from "../../protocol/refusals.ts";
import type { Result } from "../../protocol/result.ts";
import type { MemberActor } from "../api.ts";
import type { Act, ActAdmission, Sent } from "../access/act-admission.ts";
import type { Leaves } from "../membership/leave.ts";
import type { CatchUp } from "../delivery/catch-up.ts";
import type { Reply, Origin, Outbox } from "../delivery/outbox.ts";
import { mutedAs, type Penalties } from "../access/penalties.ts";
import type { Publishing } from "./publishing.ts";
import type { MeteredQueries } from "./metered-queries.ts";
import type { TokenRenewals } from "../access/token-renewal.ts";
import type { Session, Sessions } from "../connections/sessions.ts";

/** Where replies go: one for each item of a frame, or one for a frame that is rejected as a whole. */
export interface Replies {
  /** The reply to the item with this index. */
  item(index: number): Reply;
  /** The frame is rejected as a whole, and none of its items takes effect. */
  whole(error: WireError): void;
}

/** The collaborators that handle acts. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly admission: ActAdmission;
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

  /** Handles one frame or one POST body. */
  receive(
    actor: MemberActor,
    connection: Session | undefined,
    data: string | ArrayBuffer,
    replies: Replies,
    now: number,
  ): void {
    const bytes = sizeOf(data, this.#kind.maxFrameBytes);
    const sent = this.#room.admission.admitFrame(actor, connection, bytes, now);
    if (sent.refusal !== undefined) return this.#refuseWhole(sent, sent.refusal, replies);
    const items = dialectOf(connection?.record.dialect ?? "json").read(data);
    if (!items.ok) return this.#refuseWhole(sent, items.error, replies);
    let refused = 0;
    let isOverBudget = false;
    for (const [index, item] of items.value.entries()) {
      const reply = replies.item(index);
      const error = this.#do(sent, index, item, reply);
      if (error === undefined) continue;
      if (error.code === "rate_limited") isOverBudget ||= isAbuse(error);
      else if (isAbuse(error)) refused++;
      reply(errorFrame(error));
    }
    // A frame over budget counts once, however many items it has.
    this.#countRefusals(sent, refused + (isOverBudget ? 1 : 0));
  }

  /** Handles one item. Returns the error if it is rejected. */
  #do(
    sent: Sent<MemberActor>,
    index: number,
    item: Result<ClientFrame>,
    reply: Reply,
  ): WireError | undefined {
    const { admission } = this.#room;
    if (!item.ok) {
      const error = admission.chargeMessage(sent);
      return error === undefined ? item.error : withRef(error, item.error.ref);
    }
    const frame = item.value;
    if (frame.type === "seen") {
      // A report is accepted even over the budget. Otherwise a full window would stay full.
      const isFree = this.#noteSeen(sent, frame.chars, reply);
      // The Worker sends the reports of a bridge. The bridge's client did not send them, so it gets no error.
      if (sent.connection?.record.dialect === "bridge") return undefined;
      return isFree ? sent.overBudget : admission.chargeMessage(sent);
    }
    const error = admission.admitAct(sent, frame) ?? this.#act(sent, index, frame, reply);
    return withRef(error, frame.ref);
  }

  /** Lets an admitted act take effect. Returns the error if its content is rejected. */
  #act(sent: Sent<MemberActor>, index: number, frame: Act, reply: Reply): WireError | undefined {
    const { actor, now } = sent;
    switch (frame.type) {
      case "publish":
        return this.#room.publishing.publish(actor, frame, originOf(actor, index, frame.ref), reply, now);
      case "set":
        return this.#room.publishing.set(actor, frame, originOf(actor, index, frame.ref), reply, now);
      case "presence":
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

  #renew(sent: Sent<MemberActor>, frame: AuthFrame, reply: Reply): undefined {
    this.#room.renewals.renew(sent.actor, frame, {
      reply,
      isOrdered: sent.connection !== undefined,
      rejected: (error, now) => this.#countRefusals({ ...sent, now }, isAbuse(error) ? 1 : 0),
    });
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
  #leave({ actor, now }: Sent<MemberActor>, ref: number | undefined, reply: Reply): undefined {
    reply({ type: "ack", ...(ref !== undefined && { ref }) });
    const session = this.#room.sessions.byId(actor.session);
    if (session !== undefined) this.#room.leaves.depart(session, now, "left", "left");
    else this.#room.leaves.end(actor.member, now, "left");
  }

  #refuseWhole(sent: Sent<MemberActor>, error: WireError, replies: Replies): void {
    replies.whole(error);
    this.#countRefusals(sent, isAbuse(error) ? 1 : 0);
  }

  /** Counts rejections that are abuse, and imposes the penalty for too many. */
  #countRefusals({ actor, budget, now }: Sent<MemberActor>, refused: number): void {
    const { admission, sessions, penalties, leaves } = this.#room;
    // A session that is not in the room has nothing to lose, and its acts must not create a room.
    const penalty =
      refused === 0 || !admission.isHere(actor) ? undefined : budget.countRefusals(refused, now);
    if (penalty === undefined) return;
    const connected = sessions.byId(actor.session)?.record.source;
    const source = actor.source ?? connected ?? actor.session;
    if (penalty === "mute") return penalties.impose("mute", mutedAs({ ...actor, source }), now);
    // A POST may come from another address than its session's connection.
    for (const each of new Set([source, connected ?? source])) penalties.impose("ban", each, now);
    leaves.banish(actor, now);
  }
}

/** The bytes of a frame. A text has at least as many bytes as characters, so a text with too many is not counted. */
function sizeOf(data: string | ArrayBuffer, max: number): number {
  if (typeof data !== "string") return data.byteLength;
  return data.length > max ? data.length : utf8Length(data);
}

/** What identifies a recorded act: its ref, otherwise its index in a request that has a key. */
function originOf(actor: MemberActor, index: number, ref: number | undefined): Origin {
  if (ref !== undefined || actor.request === undefined) return { session: actor.session, ref, named: ref };
  return { session: actor.request, ref: index + 1, named: undefined };
}

function withRef(error: WireError | undefined, ref: number | undefined): WireError | undefined {
  return error === undefined || ref === undefined ? error : { ...error, ref };
}
