import type { CloseName } from "../../protocol/close-codes.ts";
import { MAX_SET_KEYS, type LeaveReason } from "../../protocol/frames.ts";
import { stateParts } from "../../protocol/messages.ts";
import type { MemberActor } from "../api.ts";
import type { KeptVolatile } from "../delivery/kept-volatile.ts";
import type { Hooks } from "../hooks/hooks.ts";
import type { Members } from "../presence/members.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { Session, Sessions } from "../connections/sessions.ts";
import type { State } from "../state/state.ts";

/** The collaborators that a leave changes. */
interface Collaborators {
  readonly sessions: Sessions;
  readonly members: Members;
  readonly state: State;
  readonly outbox: Outbox;
  readonly hooks: Hooks;
  /** Absent if the kind keeps no volatile messages. */
  readonly keptVolatile: KeptVolatile | undefined;
}

/** Ends memberships: immediately, or when the grace of a lost connection ends. */
export class Leaves {
  readonly #room: Collaborators;

  constructor(room: Collaborators) {
    this.#room = room;
  }

  /**
   * Ends a membership. If `close` is given, the connection is closed after the member has received its outstanding
   * frames.
   */
  depart(session: Session, now: number, reason: LeaveReason, close?: CloseName): void {
    this.#disconnect(session, close);
    this.end(session.record.member, now, reason);
  }

  /**
   * Records a lost connection, or closes one that is considered lost. Its member may reconnect within the grace.
   *
   * @returns when the grace ends; `undefined` if none began, because the membership has ended with the given reason or
   * the session has reconnected
   */
  lose(session: Session, now: number, reason: LeaveReason, close?: CloseName): number | undefined {
    this.#disconnect(session, close);
    // The session has already reconnected.
    if (this.#room.sessions.byId(session.record.session) !== undefined) return undefined;
    const graceUntil = this.#room.members.lose(session.record, now);
    if (graceUntil === undefined) this.end(session.record.member, now, reason);
    return graceUntil;
  }

  /** Removes a banned session, and all other sessions of a verified user, including those in grace. */
  banish({ session, user }: Pick<MemberActor, "session" | "user">, now: number): void {
    const isMeant = (of: Pick<MemberActor, "session" | "user">): boolean =>
      of.session === session || (user !== "" && of.user === user);
    const meant = [...this.#room.sessions.all()].filter(({ record }) => isMeant(record));
    // The other sessions did nothing wrong. They learn when to retry as soon as they reconnect.
    for (const each of meant)
      this.depart(each, now, "removed", each.record.session === session ? "abuse" : "not_now");
    for (const { id } of [...this.#room.members.all()].filter(isMeant)) this.end(id, now, "removed");
  }

  /** Ends the memberships whose grace has ended. */
  endOverdue(now: number): void {
    for (const { id } of this.#room.members.overdue(now)) this.end(id, now, "timeout");
  }

  /** Ends a membership, connected or not, and deletes the keys of the state that the member owns. */
  end(id: string, now: number, reason: LeaveReason): void {
    const member = this.#room.members.byId(id);
    if (member === undefined) return;
    const keys = this.#room.state.ownedBy(id);
    // A frame deletes at most as many keys as a member's frame may, so that it fits a row of the log.
    for (let from = 0; from < keys.length; from += MAX_SET_KEYS) {
      const deleted = keys.slice(from, from + MAX_SET_KEYS);
      this.#room.state.stage({ set: new Map(), deleted, owner: undefined }, this.#room.outbox.nextOffset);
      this.#room.outbox.record(stateParts({ from: id, user: member.user }, new Map(), deleted));
    }
    this.#room.members.depart(id);
    this.#room.keptVolatile?.forget(id);
    this.#room.outbox.presence.left(id, reason);
    this.#room.hooks.leave(member, reason, now);
  }

  #disconnect(session: Session, close?: CloseName): void {
    // A connection that was cut off has been removed already, and its member may have left since.
    if (this.#room.sessions.has(session)) this.#room.members.recall(session.record);
    this.#room.sessions.remove(session);
    if (close !== undefined) this.#room.outbox.farewell(session, close);
  }
}
