import type { Kind } from "../config/config.ts";
import type { SessionBudget } from "../limits/session-budget.ts";
import { decodeClientText } from "../protocol/decode.ts";
import { errorFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import type {
  ClientFrame,
  HistoryRequestFrame,
  LeaveReason,
  PresenceUpdateFrame,
  PublishFrame,
} from "../protocol/frames.ts";
import { utf8Length } from "../protocol/json.ts";
import { messageParts } from "../protocol/messages.ts";
import type { Result } from "../protocol/result.ts";
import type { CloseName } from "../protocol/close-codes.ts";
import type { Budgets } from "./budgets.ts";
import type { Once } from "./once.ts";
import type { Log } from "./log.ts";
import type { Members } from "./members.ts";
import type { Answer, Outbox } from "./outbox.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Who acts: the same over a socket and over POST. */
export interface Actor {
  readonly session: string;
  readonly member: string;
  readonly user: string;
}

/** Where answers go: one per item of a frame, or one for a frame that is refused whole. */
export interface Answers {
  /** The answer to the item with this index. */
  item(index: number): Answer;
  /** The frame is refused as a whole; nothing of it was done. */
  whole(error: WireError): void;
}

/**
 * What members do: a frame's way from its text to the outbox, the same for a socket and for POST. Handled without
 * an `await`, so that nothing comes between the checks of an act and its effect.
 */
export class Acts {
  readonly #kind: Kind;
  readonly #log: Log;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #outbox: Outbox;
  readonly #once: Once;
  readonly #budgets: Budgets;

  constructor(
    kind: Kind,
    room: {
      readonly log: Log;
      readonly sessions: Sessions;
      readonly members: Members;
      readonly outbox: Outbox;
      readonly once: Once;
      readonly budgets: Budgets;
    },
  ) {
    this.#kind = kind;
    this.#log = room.log;
    this.#sessions = room.sessions;
    this.#members = room.members;
    this.#outbox = room.outbox;
    this.#once = room.once;
    this.#budgets = room.budgets;
  }

  /**
   * Takes one text frame, or one POST body. Bytes are charged before it is parsed; a frame over its budget is
   * parsed all the same, for its refs, as long as the session has refusals left.
   */
  receiveText(actor: Actor, text: string, answers: Answers, now: number): void {
    const budget = this.#budgets.of(actor.session, now);
    const { maxFrameBytes } = this.#kind;
    // No text has fewer bytes than characters, so one that is far too large is not counted through.
    const bytes = text.length > maxFrameBytes ? text.length : utf8Length(text);
    const overBudget = budget.takeBytes(bytes, now);
    if (bytes > maxFrameBytes) {
      const message = `the frame has ${bytes} bytes or more, the room takes ${maxFrameBytes}`;
      return this.#refuseWhole(
        actor,
        budget,
        { code: "frame_too_large", message, limit: "maxFrameBytes" },
        answers,
        now,
      );
    }
    const items = decodeClientText(text);
    if (!items.ok) return this.#refuseWhole(actor, budget, items.error, answers, now);
    let refused = 0;
    for (const [index, item] of items.value.entries()) {
      const error = this.#act(actor, budget, item, overBudget, answers.item(index), now);
      if (error === undefined) continue;
      refused++;
      answers.item(index)(errorFrame(error));
    }
    this.#countRefusals(actor, budget, refused, now);
  }

  /** Refuses a binary frame. */
  receiveBinary(actor: Actor, bytes: number, answers: Answers, now: number): void {
    const budget = this.#budgets.of(actor.session, now);
    budget.takeBytes(bytes, now);
    this.#refuseWhole(actor, budget, { code: "binary_frame" }, answers, now);
  }

  /** Ends a membership. With a close the connection goes too, once the member has been sent what it is owed. */
  depart(session: Session, reason: LeaveReason, close?: CloseName): void {
    this.#disconnect(session, close);
    this.#end(session.record.member, reason);
  }

  /**
   * Notes a lost connection, or ends one that is as good as lost: its member may come back within the grace.
   *
   * @returns when the grace ends; `undefined` if none began: the member has departed for the reason given, or is back
   */
  lose(session: Session, now: number, reason: LeaveReason, close?: CloseName): number | undefined {
    this.#disconnect(session, close);
    if (this.#sessions.byId(session.record.session) !== undefined) return undefined; // It is back already.
    const graceUntil = this.#members.lose(session.record.member, now);
    if (graceUntil === undefined) this.#end(session.record.member, reason);
    return graceUntil;
  }

  /** Ends the memberships whose grace is over. */
  departOverdue(now: number): void {
    for (const { id } of this.#members.overdue(now)) this.#end(id, "timeout");
  }

  #disconnect(session: Session, close?: CloseName): void {
    this.#sessions.remove(session);
    if (close !== undefined) this.#outbox.farewell(session, close);
  }

  #end(id: string, reason: LeaveReason): void {
    if (this.#members.depart(id)) this.#outbox.left(id, reason);
  }

  /** Does one act, or tells why not. */
  #act(
    actor: Actor,
    budget: SessionBudget,
    item: Result<ClientFrame>,
    overBudget: WireError | undefined,
    answer: Answer,
    now: number,
  ): WireError | undefined {
    const error = overBudget ?? budget.takeMessage(now);
    if (!item.ok) return error === undefined ? item.error : withRef(error, item.error.ref);
    const frame = item.value;
    const { ref } = frame;
    if (error !== undefined) return withRef(error, ref);
    switch (frame.type) {
      case "publish":
        return withRef(this.#publish(actor, frame, answer, now), ref);
      case "presence":
        return withRef(this.#setPresence(actor, frame, answer), ref);
      case "history":
        return withRef(this.#readHistory(actor, frame, answer, now), ref);
      case "leave": {
        if (this.#members.byId(actor.member) === undefined) return withRef({ code: "not_joined" }, ref);
        answer({ type: "ack", ...(ref !== undefined && { ref }) });
        this.#leave(actor);
        return undefined;
      }
      default:
        return frame satisfies never;
    }
  }

  #publish(actor: Actor, frame: PublishFrame, answer: Answer, now: number): WireError | undefined {
    const { ref } = frame;
    const before = ref === undefined ? undefined : this.#once.find(actor.session, ref, now);
    if (ref !== undefined && before !== undefined) {
      answer({ type: "ack", ref, offset: before });
      return undefined;
    }
    if (this.#members.byId(actor.member) === undefined) return { code: "not_joined" };
    const parts = messageParts(actor.member, actor.user, frame.event, frame.data);
    if (parts.dataText.length > this.#kind.maxFrameBytes) {
      // Numbers can grow when they are written out: 1e20 takes 21 digits.
      return {
        code: "frame_too_large",
        message: "the data is too large once written out",
        limit: "maxFrameBytes",
      };
    }
    if (frame.volatile) {
      this.#outbox.volatile(parts, now);
      answer({ type: "ack" });
    } else this.#outbox.record({ parts, session: actor.session, ref }, answer);
    return undefined;
  }

  #setPresence(actor: Actor, frame: PresenceUpdateFrame, answer: Answer): WireError | undefined {
    const member = this.#members.byId(actor.member);
    if (member === undefined) return { code: "not_joined" };
    const presence = JSON.stringify(frame.data);
    const bytes = utf8Length(presence);
    if (bytes > this.#kind.maxPresenceBytes) {
      const message = `presence data has ${bytes} bytes, the room takes ${this.#kind.maxPresenceBytes}`;
      return { code: "presence_too_large", message, limit: "maxPresenceBytes" };
    }
    this.#outbox.updated(this.#members.setData(member, presence));
    answer({ type: "ack", ...(frame.ref !== undefined && { ref: frame.ref }) });
    return undefined;
  }

  #readHistory(actor: Actor, frame: HistoryRequestFrame, answer: Answer, now: number): WireError | undefined {
    if (this.#members.byId(actor.member) === undefined) return { code: "not_joined" };
    const { ref } = frame;
    answer({ type: "history", ...(ref !== undefined && { ref }), ...this.#log.history(frame, now) });
    return undefined;
  }

  /** A member in grace may leave as well, by POST: then there is no connection to close. */
  #leave(actor: Actor): void {
    const session = this.#sessions.byId(actor.session);
    if (session !== undefined) this.depart(session, "left", "left");
    else this.#end(actor.member, "left");
  }

  #refuseWhole(actor: Actor, budget: SessionBudget, error: WireError, answers: Answers, now: number): void {
    answers.whole(error);
    this.#countRefusals(actor, budget, 1, now);
  }

  #countRefusals(actor: Actor, budget: SessionBudget, refused: number, now: number): void {
    if (refused === 0 || !budget.countRefusals(refused, now)) return;
    const session = this.#sessions.byId(actor.session);
    if (session !== undefined) this.depart(session, "removed", "abuse");
  }
}

function withRef(error: WireError | undefined, ref: number | undefined): WireError | undefined {
  return error === undefined || ref === undefined ? error : { ...error, ref };
}
