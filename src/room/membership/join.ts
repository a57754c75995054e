import { excessOf } from "../../auth/claims.ts";
import type { Revocations } from "../../auth/revocations.ts";
import type { Kind } from "../../config/config.ts";
import { expiresInMs, type DialectName, type JoinRequest } from "../../protocol/contract.ts";
import { encodeFrame, errorFrame } from "../../protocol/encode.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { WelcomeFrame } from "../../protocol/frames.ts";
import type { UnrecoveredReason } from "../../protocol/positions.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import { PROTOCOL_VERSION } from "../../protocol/version.ts";
import type { Attempts } from "../access/attempts.ts";
import type { RoomBudgets } from "../../limits/room-budgets.ts";
import type { Leaves } from "./leave.ts";
import type { FanOut } from "../delivery/fan-out.ts";
import { withField } from "../delivery/flush-encoder.ts";
import type { Hooks, Joining } from "../hooks/hooks.ts";
import { windowCharsOf } from "../connections/send-window.ts";
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

/** Where a joining client starts in the log, and whether it resumed. */
interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/**
 * Admits sessions. The newest socket of a session replaces an older one, receives the welcome and then its missed
 * messages.
 */
export class Joins {
  readonly #kind: Kind;
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;
  readonly #members: Members;
  readonly #capacity: Capacity;
  readonly #roster: Roster;
  readonly #state: State;
  readonly #fanOut: FanOut;
  readonly #hooks: Hooks;
  readonly #leaves: Leaves;
  readonly #budgets: RoomBudgets;
  readonly #penalties: Penalties;
  readonly #tickets: UsedTickets;
  readonly #tables: Tables;
  readonly #revocations: Revocations;

  constructor(
    kind: Kind,
    room: {
      readonly log: Log;
      readonly outbox: Outbox;
      readonly sessions: Sessions;
      readonly attempts: Attempts;
      readonly members: Members;
      readonly capacity: Capacity;
      readonly roster: Roster;
      readonly state: State;
      readonly fanOut: FanOut;
      readonly hooks: Hooks;
      readonly leaves: Leaves;
      readonly budgets: RoomBudgets;
      readonly penalties: Penalties;
      readonly tickets: UsedTickets;
      readonly tables: Tables;
      readonly revocations: Revocations;
    },
  ) {
    this.#kind = kind;
    this.#roster = room.roster;
    this.#state = room.state;
    this.#fanOut = room.fanOut;
    this.#hooks = room.hooks;
    this.#leaves = room.leaves;
    this.#budgets = room.budgets;
    this.#penalties = room.penalties;
    this.#tickets = room.tickets;
    this.#tables = room.tables;
    this.#revocations = room.revocations;
    this.#attempts = room.attempts;
    this.#members = room.members;
    this.#capacity = room.capacity;
    this.#log = room.log;
    this.#outbox = room.outbox;
    this.#sessions = room.sessions;
  }

  /**
   * Checks whether a client may join. It changes no members.
   *
   * @returns the decision of the hooks
   */
  check(join: JoinRequest, now: number): Result<Joining> {
    const refusal = this.#refusalOf(join, now);
    if (refusal !== undefined) return err(refusal);
    const full = this.#capacity.refusal(join);
    if (full !== undefined) return err(full);
    const known = this.#members.byId(join.member);
    if (join.viewOnly === true) return ok({ data: undefined, after: () => undefined });
    const { member: id, user, access, presence } = join;
    const isMuted = presence !== undefined && this.#penalties.mutedForMs(mutedAs(join), now) > 0;
    const member = { id, user, info: access?.info, data: known?.data };
    return this.#hooks.join(member, isMuted ? undefined : presence, known !== undefined, now);
  }

  /** Returns the error if a client is not allowed to join, regardless of free places. */
  #refusalOf(join: JoinRequest, now: number): WireError | undefined {
    const banned = this.#penalties.bannedForMs(join.source ?? join.session, now);
    if (banned > 0) return { code: "banned", limit: "maxRefusals", retryAfterMs: banned };
    // The token may have expired since the Worker checked it.
    if (join.access !== undefined && expiresInMs(join.access, now) === 0) return { code: "token_expired" };
    // The room may know of a revocation that has not reached the Worker yet.
    if (join.user !== "" && this.#revocations.covers(join.user, join.access))
      return { code: "token_revoked" };
    const excess = join.access && excessOf(join.access);
    if (excess !== undefined) return excess;
    if (join.mayNotCreate === true && this.isNew) {
      const message =
        "this user or address has created too many rooms today; join an existing room or retry later";
      return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: NEW_ROOM_RETRY_MS };
    }
    const joining = { source: join.source ?? join.session, isReturn: this.#capacity.isIn(join), now };
    // Attempts are checked before tickets, so that a late attempt does not bind its ticket.
    return (
      this.#budgets.takeJoin(now) ??
      this.#sessions.refusal(joining) ??
      this.#attempts.refusalOfJoin(join) ??
      this.#tickets.refusal(join, now)
    );
  }

  /** Whether the room is empty and has no stored data, in a kind that stores its rooms. */
  get isNew(): boolean {
    const isStored = this.#kind.history === "durable" || this.#kind.graceMs > 0;
    return isStored && !this.#tables.exist && this.#members.size + this.#sessions.size === 0;
  }

  /**
   * Turns an accepted socket into a connection of a member. It flushes before and after. So the new member sees only
   * stored messages, and the others receive its join before its first message.
   *
   * @param joining the decision of the hooks
   * @param moreCome whether more clients join in the same turn; the join is then announced at the end of the turn
   */
  accept(socket: WebSocket, join: JoinRequest, joining: Joining, now: number, moreCome = false): Session {
    this.#log.open();
    this.#outbox.flush(now, { moreCome });
    const { session: id, member, user, dialect, mode, viewOnly } = join;
    const older = this.#sessions.byId(id);
    const place = this.#capacity.holderOf(join) ?? join.source;
    if (older !== undefined) this.#sessions.close(older, "replaced");
    const session = this.#sessions.add(
      socket,
      {
        ...{ session: id, member, user, dialect, mode, attempt: this.#attemptOf(join, now) },
        joinedAt: older === undefined ? now : Math.max(now, older.record.joinedAt),
        heardAt: now,
        ...(viewOnly === true && { viewOnly }),
        ...(join.access !== undefined && { access: join.access }),
        ...(join.source !== undefined && { source: join.source }),
        ...(user === "" && place !== join.source && { place }),
      },
      { sent: 0, ...(join.flow === true && { seen: 0 }) },
    );
    this.#tickets.bind(join, now);
    // A member that rejoins as view-only is not a member any more.
    if (viewOnly === true) this.#leaves.end(member, now, "left");
    else {
      const { member: arrived, news } = this.#members.arrive(session.record, joining.data);
      if (news !== undefined) this.#outbox.presence[news](arrived);
    }
    this.#outbox.flush(now, { newcomer: session, moreCome });
    this.#welcome(session, join, now);
    if (joining.refused !== undefined) this.#outbox.reply(session, errorFrame(joining.refused));
    return session;
  }

  /**
   * The number of a new connection. If its client sends none, it gets a number above all known ones. Using the room's
   * clock keeps it above numbers that the room has forgotten.
   */
  #attemptOf(join: JoinRequest, now: number): number {
    const next = Math.max(now, this.#attempts.newestOf(join) + 1);
    return join.attempt ?? Math.min(next, Number.MAX_SAFE_INTEGER);
  }

  #welcome(session: Session, join: JoinRequest, now: number): void {
    const start = this.#startOf(session, join, now);
    const mode = this.#fanOut.modeOf(session);
    const roster = this.#roster.revision;
    const { member, user, viewOnly, attempt, access } = session.record;
    const leftMs = access && expiresInMs(access, now);
    const isAsked = start.recovered !== true || join.state === true;
    const hasState = isAsked && session.rights.may("state");
    const welcome: WelcomeFrame = {
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      session: join.session,
      key: join.key,
      member,
      ...(user !== "" && { user }),
      ...(attempt !== undefined && { try: attempt }),
      ...(viewOnly === true && { viewOnly }),
      time: this.#log.timeAt(now),
      history: this.#kind.history,
      position: this.#log.positionAt(start.offset),
      head: this.#log.positionAt(this.#log.head),
      ...(start.recovered !== undefined && { recovered: start.recovered }),
      ...(start.reason !== undefined && { reason: start.reason }),
      ...{ mode, roster, count: this.#members.size },
      ...(leftMs !== undefined && { expiresInMs: leftMs }),
      ...(hasState && { stateOffset: this.#log.head }),
      pingIntervalMs: this.#kind.pingIntervalMs,
      silenceTimeoutMs: this.#kind.silenceTimeoutMs,
      limits: toldLimits(this.#kind, join.dialect),
    };
    let text = encodeFrame(welcome);
    if (mode === "list" && join.roster !== roster) text = withField(text, "members", this.#members.listText);
    if (hasState) text = withField(text, "state", this.#state.snapshot);
    this.#fanOut.welcome(session, text, start.offset);
    if (start.offset === this.#log.head) return;
    session.sendWindow.fallBehind(start.offset, now);
    this.#fanOut.advance(session, now);
  }

  #startOf({ rights }: Session, join: JoinRequest, now: number): Start {
    if (!rights.may("history")) {
      const offset = this.#log.head;
      return join.after === undefined ? { offset } : { offset, recovered: false, reason: "forbidden" };
    }
    if (join.after !== undefined) return this.#log.resume(join.after, now);
    return { offset: join.rewind === undefined ? this.#log.head : this.#log.rewind(join.rewind, now) };
  }
}

/**
 * How long a client waits after its user or address created too many rooms, in milliseconds. An hour restores the first
 * few.
 */
const NEW_ROOM_RETRY_MS = 3_600_000;

/** The limits that a client observes itself. */
function toldLimits(kind: Kind, dialect: DialectName): Record<string, number> {
  const { maxFrameBytes, maxPresenceBytes, maxRefusals } = kind;
  const { maxStateKeys, maxStateBytes } = kind;
  const windowChars = windowCharsOf(kind, dialect);
  const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = kind;
  return {
    ...{ maxFrameBytes, maxPresenceBytes, maxRefusals },
    ...{ maxStateKeys, maxStateBytes, windowChars },
    ...{ messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst },
  };
}
