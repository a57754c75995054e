import { excessOf } from "../../auth/claims.ts";
import type { Revocations } from "../../auth/revocations.ts";
import { Rights } from "../../protocol/capabilities.ts";
import type { Kind } from "../../config/config.ts";
import { expiresInMs, type FormatName, type JoinRequest } from "../../protocol/contract.ts";
import { defined } from "../../protocol/defined.ts";
import { encodeFrame, errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { WelcomeFrame } from "../../protocol/frames.ts";
import type { UnrecoveredReason } from "../../protocol/positions.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import { PROTOCOL_VERSION } from "../../protocol/version.ts";
import type { Attempts } from "../access/attempts.ts";
import type { RoomBudgets } from "../../limits/room-budgets.ts";
import type { Leaves } from "./leave.ts";
import type { CatchUp } from "../delivery/catch-up.ts";
import type { Deliveries } from "../delivery/deliveries.ts";
import { encodeChanges, encodeRoster, withField } from "../delivery/flush-encoder.ts";
import type { KeptVolatile } from "../delivery/kept-volatile.ts";
import type { Hooks, Joining } from "../hooks/hooks.ts";
import { LIVE, windowCharsOf } from "../connections/send-window.ts";
import type { Log } from "../log/log.ts";
import type { Members } from "../presence/members.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { mutedAs, type Penalties } from "../access/penalties.ts";
import type { Capacity } from "./capacity.ts";
import type { Roster } from "../presence/roster.ts";
import type { Session, Sessions } from "../connections/sessions.ts";
import type { State } from "../state/state.ts";
import type { Tables } from "../tables.ts";
import type { UsedTickets } from "../access/used-tickets.ts";

/** The offset at which a joining client starts, and why. */
interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/** The collaborators that a join needs. */
interface Collaborators {
  readonly log: Log;
  readonly outbox: Outbox;
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly members: Members;
  readonly capacity: Capacity;
  readonly roster: Roster;
  readonly state: State;
  readonly catchUp: CatchUp;
  readonly deliveries: Deliveries;
  /** Absent if the kind keeps no volatile messages. */
  readonly keptVolatile: KeptVolatile | undefined;
  readonly hooks: Hooks;
  readonly leaves: Leaves;
  readonly budgets: RoomBudgets;
  readonly penalties: Penalties;
  readonly tickets: UsedTickets;
  readonly tables: Tables;
  readonly revocations: Revocations;
}

/** Joins sessions: the newest socket of a session replaces an older one, and receives its welcome and the missed messages. */
export class Joins {
  readonly #kind: Kind;
  readonly #room: Collaborators;

  constructor(kind: Kind, room: Collaborators) {
    this.#kind = kind;
    this.#room = room;
  }

  /**
   * Whether a client may join. Changes no member and no connection.
   *
   * @returns the decision of the hooks
   */
  check(join: JoinRequest, now: number): Result<Joining> {
    const refusal = this.#refusalOf(join, now);
    if (refusal !== undefined) return err(refusal);
    const full = this.#room.capacity.refusal(join);
    if (full !== undefined) return err(full);
    const known = this.#room.members.byId(join.member);
    if (join.viewOnly === true) return ok({ data: undefined, after: () => undefined });
    // A further poll is not a join for the hooks, as a frame over a WebSocket is none.
    if (join.presence === undefined && this.#continues(join))
      return ok({ data: known?.data, after: () => undefined });
    const { member: id, user, access, presence } = join;
    const isMuted = presence !== undefined && this.#room.penalties.mutedForMs(mutedAs(join), now) > 0;
    const member = { id, user, info: access?.info, data: known?.data };
    return this.#room.hooks.join(member, isMuted ? undefined : presence, known !== undefined, now);
  }

  /** The error for a client that is not allowed to join, however full the room is. */
  #refusalOf(join: JoinRequest, now: number): WireError | undefined {
    const banned = this.#room.penalties.bannedForMs(join.source ?? join.session, now);
    if (banned > 0) return { code: "banned", limit: "maxRefusals", retryAfterMs: banned };
    // The Worker repeats it as a join, so it spends nothing.
    if (join.mayOnlyContinue === true && !this.#isFurtherPoll(join, now)) return { code: "not_joined" };
    // The token may have expired since the Worker checked it.
    if (join.access !== undefined && expiresInMs(join.access, now) === 0) return { code: "token_expired" };
    // The room may know a revocation that the Worker does not know yet.
    if (join.user !== "" && this.#room.revocations.covers(join.user, join.access))
      return { code: "token_revoked" };
    const excess = join.access && excessOf(join.access);
    if (excess !== undefined) return excess;
    if (join.mayNotCreate === true && this.isNewFor(join)) {
      const message =
        "this user or address has created too many rooms today; join an existing room or retry later";
      return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: NEW_ROOM_RETRY_MS };
    }
    const joining = { source: join.source ?? join.session, isReturn: this.#room.capacity.isIn(join), now };
    // Checked before its ticket, so that a late attempt does not bind the ticket.
    return (
      this.#room.budgets.takeJoin(now) ??
      this.#room.sessions.refusal(joining) ??
      this.#room.attempts.refusalOfJoin(join) ??
      this.#room.tickets.refusal(join, now)
    );
  }

  /**
   * Whether a join is the next poll of a client that has had a welcome: it names its position and its roster, and continues the
   * newest connection of its session, which was a poll too. A client that wants the state wants a welcome.
   */
  #continues(join: JoinRequest): boolean {
    const { pollWaitS, after, roster, state, viewOnly, attempt } = join;
    if (pollWaitS === undefined || after === undefined || roster === undefined || state === true)
      return false;
    if (attempt !== undefined && attempt !== this.#room.attempts.newestOf(join)) return false;
    return viewOnly === true || this.#room.members.byId(join.member)?.polls === true;
  }

  /**
   * Whether a poll costs the room no more than a request: it gets neither a welcome nor the whole list of members, and changes
   * neither that list nor whether the room is empty.
   */
  #isFurtherPoll(join: JoinRequest, now: number): boolean {
    const { members, sessions, roster, outbox } = this.#room;
    if (join.presence !== undefined || members.size + sessions.size === 0) return false;
    const { roster: list = "" } = join;
    const knowsList = list === roster.revision || outbox.presence.knows(list);
    if (!knowsList || !this.#continues(join)) return false;
    const rights = new Rights(join.access?.grants);
    return this.#startOf({ rights }, join, this.#polledFrom(join), now).recovered === true;
  }

  /** Whether the room is empty and stores nothing yet, although its kind stores something. */
  get isNew(): boolean {
    return (this.#kind.history === "durable" || this.#kind.graceMs > 0) && this.#isUnused;
  }

  /** Whether a join would be the first that stores something. Any kind of room stores members that poll, and used tickets. */
  isNewFor({ pollWaitS, viewOnly, ticket }: JoinRequest): boolean {
    const alwaysStores = ticket !== undefined || (pollWaitS !== undefined && viewOnly !== true);
    return alwaysStores ? this.#isUnused : this.isNew;
  }

  get #isUnused(): boolean {
    return !this.#room.tables.exist && this.#room.members.size + this.#room.sessions.size === 0;
  }

  /**
   * Makes an accepted socket the connection of a session. Flushes before and after, so that the new connection receives only
   * stored messages, and the other members receive its join before its first message.
   *
   * @param joining the decision of the hooks
   * @param moreCome whether more clients join in the same turn: the room announces all of them at its end
   */
  accept(socket: WebSocket, join: JoinRequest, joining: Joining, now: number, moreCome = false): Session {
    this.#room.log.open();
    this.#room.outbox.send(now, { moreCome });
    const { session: id, member, user, dialect, mode, viewOnly } = join;
    const older = this.#room.sessions.byId(id);
    const place = this.#room.capacity.holderOf(join) ?? join.source;
    const continues = this.#continues(join);
    const polledFrom = this.#polledFrom(join);
    if (older !== undefined) this.#room.sessions.close(older, "replaced");
    const session = this.#room.sessions.add(
      socket,
      defined({
        session: id,
        member,
        user,
        dialect,
        mode,
        attempt: this.#attemptOf(join, continues, now),
        joinedAt: older === undefined ? now : Math.max(now, older.record.joinedAt),
        heardAt: now,
        viewOnly: viewOnly || undefined,
        polledFrom: join.pollWaitS === undefined ? undefined : this.#room.log.head,
        access: join.access,
        source: join.source,
        place: user === "" && place !== join.source ? place : undefined,
      }),
      { sent: 0, ...(join.flow === true && { seen: 0 }), state: LIVE },
    );
    this.#room.tickets.bind(join, now);
    // A session that joins as view-only is not a member any more.
    if (viewOnly === true) this.#room.leaves.end(member, now, "left");
    else {
      const { member: arrived, news } = this.#room.members.arrive(session.record, joining.data);
      if (news !== undefined) this.#room.outbox.presence[news](arrived);
    }
    this.#room.outbox.send(now, { newcomer: session, moreCome });
    const start = this.#startOf(session, join, continues ? polledFrom : Infinity, now);
    if (join.pollWaitS !== undefined) this.#room.sessions.update(session, { polledFrom: start.offset });
    const first =
      continues && start.recovered === true
        ? [this.#missedPresence(session, join.roster ?? "")]
        : [[this.#welcomeOf(session, join, start, now)], this.#keptFor(session)];
    this.#room.catchUp.begin(session, first, start.offset, now);
    if (join.pollWaitS === 0) this.#room.deliveries.noteAnswered(session);
    if (joining.refused !== undefined) this.#room.outbox.replies.add(session, errorFrame(joining.refused));
    return session;
  }

  /**
   * The number of a new connection. If its client sends none, it gets a number above all known ones. Using the room's
   * clock keeps it above numbers that the room has forgotten. The polls of a client are one connection with one number.
   */
  #attemptOf(join: JoinRequest, continues: boolean, now: number): number {
    const newest = this.#room.attempts.newestOf(join);
    const next = continues && newest > 0 ? newest : Math.max(now, newest + 1);
    return join.attempt ?? Math.min(next, Number.MAX_SAFE_INTEGER);
  }

  /** The volatile messages that were sent before the session joined, and are kept. They are past, so they need `history`. */
  #keptFor({ rights }: Session): readonly string[] {
    const { keptVolatile } = this.#room;
    return keptVolatile !== undefined && rights.may("history") ? keptVolatile.frames : [];
  }

  /** What a client that polls has missed of the list of members: the changes, or the whole list if they are forgotten. */
  #missedPresence(session: Session, known: string): readonly string[] {
    const { roster, members, outbox } = this.#room;
    const { revision } = roster;
    if (known === revision) return [];
    const mode = roster.modeOf(session, members.size);
    const changes = outbox.presence.since(known);
    if (changes !== undefined) return encodeChanges(changes, mode);
    const listText = mode === "list" ? members.listText : "";
    return [encodeRoster({ count: members.size, roster: revision, listText }, mode)];
  }

  #welcomeOf(session: Session, join: JoinRequest, start: Start, now: number): string {
    const mode = this.#room.roster.modeOf(session, this.#room.members.size);
    const roster = this.#room.roster.revision;
    const { member, user, viewOnly, attempt, access } = session.record;
    const leftMs = access && expiresInMs(access, now);
    const isAsked = start.recovered !== true || join.state === true;
    const hasState = isAsked && session.rights.may("state");
    const welcome: WelcomeFrame = defined({
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      session: join.session,
      key: join.key,
      member,
      user: user || undefined,
      try: attempt,
      viewOnly: viewOnly || undefined,
      time: this.#room.log.timeAt(now),
      history: this.#kind.history,
      position: this.#room.log.positionAt(start.offset),
      head: this.#room.log.positionAt(this.#room.log.head),
      recovered: start.recovered,
      reason: start.reason,
      mode,
      roster,
      count: this.#room.members.size,
      expiresInMs: leftMs,
      stateOffset: hasState ? this.#room.log.head : undefined,
      pingIntervalMs: this.#kind.pingIntervalMs,
      silenceTimeoutMs: this.#kind.silenceTimeoutMs,
      limits: toldLimits(this.#kind, join.dialect),
    });
    let text = encodeFrame(welcome);
    if (mode === "list" && join.roster !== roster)
      text = withField(text, "members", this.#room.members.listText);
    if (hasState) text = withField(text, "state", this.#room.state.snapshot);
    return text;
  }

  /** @param polledFrom the offset at which the client's last poll began. What was recorded since is live for it */
  #startOf({ rights }: Pick<Session, "rights">, join: JoinRequest, polledFrom: number, now: number): Start {
    const { log } = this.#room;
    if (!rights.may("history")) {
      if (join.after === undefined) return { offset: log.head };
      const start = log.resume(join.after, now);
      const isLive = start.recovered && start.offset >= polledFrom;
      return isLive ? start : { offset: log.head, recovered: false, reason: "forbidden" };
    }
    if (join.after !== undefined) return log.resume(join.after, now);
    return { offset: join.rewind === undefined ? log.head : log.rewind(join.rewind, now) };
  }

  /** The offset at which the session's last poll began; the end of the log if the room does not know it. */
  #polledFrom({ session, member }: JoinRequest): number {
    const { sessions, members, log } = this.#room;
    return sessions.byId(session)?.record.polledFrom ?? members.byId(member)?.polledFrom ?? log.head;
  }
}

/** The wait of a caller that has created too many rooms, in milliseconds. After an hour it may create a few more. */
const NEW_ROOM_RETRY_MS = 3_600_000;

/** The limits that a client keeps by itself. */
function toldLimits(kind: Kind, dialect: FormatName): Record<string, number> {
  return {
    maxFrameBytes: kind.maxFrameBytes,
    maxPresenceBytes: kind.maxPresenceBytes,
    maxRefusals: kind.maxRefusals,
    maxStateKeys: kind.maxStateKeys,
    maxStateBytes: kind.maxStateBytes,
    windowChars: windowCharsOf(kind, dialect),
    messagesPerSecond: kind.messagesPerSecond,
    messagesBurst: kind.messagesBurst,
    bytesPerSecond: kind.bytesPerSecond,
    bytesBurst: kind.bytesBurst,
  };
}
