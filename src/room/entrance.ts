import type { Revocations } from "../auth/revocations.ts";
import type { Kind } from "../config/config.ts";
import type { DialectName, JoinRequest } from "../protocol/contract.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import type { WelcomeFrame } from "../protocol/frames.ts";
import type { UnrecoveredReason } from "../protocol/positions.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Budgets } from "./budgets.ts";
import { withField } from "./dialects.ts";
import type { Departures } from "./departures.ts";
import type { FanOut } from "./fan-out.ts";
import type { Aftermath, Hooks } from "./hooks.ts";
import { windowCharsOf } from "./lane.ts";
import type { Log } from "./log.ts";
import type { Members } from "./members.ts";
import type { Outbox } from "./outbox.ts";
import { mutedAs, type Penalties } from "./penalties.ts";
import type { Roster } from "./roster.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { State } from "./state.ts";
import type { Tables } from "./tables.ts";
import type { UsedTickets } from "./used-tickets.ts";

/** Where a joining client stands, and how that came about. */
interface Start {
  readonly offset: number;
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/** Lets sessions in: the newest socket of a session replaces an older one, is welcomed, and reads what it missed. */
export class Entrance {
  readonly #kind: Kind;
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #roster: Roster;
  readonly #state: State;
  readonly #fanOut: FanOut;
  readonly #hooks: Hooks;
  readonly #departures: Departures;
  readonly #budgets: Budgets;
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
      readonly members: Members;
      readonly roster: Roster;
      readonly state: State;
      readonly fanOut: FanOut;
      readonly hooks: Hooks;
      readonly departures: Departures;
      readonly budgets: Budgets;
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
    this.#departures = room.departures;
    this.#budgets = room.budgets;
    this.#penalties = room.penalties;
    this.#tickets = room.tickets;
    this.#tables = room.tables;
    this.#revocations = room.revocations;
    this.#members = room.members;
    this.#log = room.log;
    this.#outbox = room.outbox;
    this.#sessions = room.sessions;
  }

  /**
   * Whether a join can be had. Touches nothing.
   *
   * @returns what a hook wants done once the member has entered
   */
  admit(join: JoinRequest, now: number): Result<Aftermath> {
    const refusal = this.#refusalOf(join, now);
    if (refusal !== undefined) return err(refusal);
    const { maxMembers } = this.#kind;
    const known = this.#members.byId(join.member);
    const places = this.#members.size + this.#sessions.watching;
    if (known === undefined && this.#sessions.byId(join.session) === undefined && places >= maxMembers) {
      const message = `the room holds no more than ${maxMembers} members`;
      return err({ code: "room_full", message, limit: "maxMembers", retryAfterMs: FULL_RETRY_MS });
    }
    if (known !== undefined || join.viewOnly === true) return ok(() => undefined);
    const { member: id, user, access } = join;
    return this.#hooks.join({ id, user, info: access?.info, data: this.#presenceOf(join, now) }, now);
  }

  /** Why one may not come in, whoever else is here. */
  #refusalOf(join: JoinRequest, now: number): WireError | undefined {
    const banned = this.#penalties.bannedForMs(join.source ?? join.session, now);
    if (banned > 0) return { code: "banned", limit: "maxRefusals", retryAfterMs: banned };
    // The Worker may not have heard yet of what the room was told.
    if (join.user !== "" && this.#revocations.covers(join.user, join.access))
      return { code: "token_revoked" };
    if (join.mayNotCreate === true && this.isNew) {
      const message = "too many new rooms were joined first from here today";
      return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: NEW_ROOM_RETRY_MS };
    }
    return this.#budgets.takeJoin(now) ?? this.#tickets.refusal(join, now);
  }

  /** Whether nobody is here, and nothing is stored that will be. */
  get isNew(): boolean {
    const isStored = this.#kind.history === "durable" || this.#kind.graceMs > 0;
    return isStored && !this.#tables.exist && this.#members.size + this.#sessions.size === 0;
  }

  /** What a newcomer says of itself: nothing new where it is muted. */
  #presenceOf(join: JoinRequest, now: number): string | undefined {
    const isMuted = this.#penalties.mutedForMs(mutedAs(join), now) > 0;
    return (isMuted ? undefined : join.presence) ?? this.#members.byId(join.member)?.data;
  }

  /**
   * Makes an accepted socket a member's. What is recorded is stored before and after: the newcomer sees nothing that is
   * not, and the others hear of it before they hear from it.
   *
   * @param moreCome whether others come in the same turn: the room is then told of all of them at its end
   */
  enter(socket: WebSocket, join: JoinRequest, now: number, moreCome = false): Session {
    this.#log.open();
    this.#outbox.flush(now, { moreCome });
    const { session: id, member, user, dialect, mode, viewOnly } = join;
    const older = this.#sessions.byId(id);
    const data = this.#presenceOf(join, now);
    if (older !== undefined) this.#sessions.close(older, "replaced");
    const session = this.#sessions.add(
      socket,
      {
        ...{ session: id, member, user, dialect, mode },
        joinedAt: older === undefined ? now : Math.max(now, older.record.joinedAt),
        heardAt: now,
        ...(viewOnly === true && { viewOnly }),
        ...(join.access !== undefined && { access: join.access }),
        ...(join.source !== undefined && { source: join.source }),
      },
      { sent: 0, ...(join.flow === true && { seen: 0 }) },
    );
    this.#tickets.bind(join, now);
    // Who comes to watch is a member no longer.
    if (viewOnly === true) this.#departures.end(member, now, "left");
    else {
      const { member: arrived, news } = this.#members.arrive(session.record, data);
      if (news !== undefined) this.#outbox.presence[news](arrived);
    }
    this.#outbox.flush(now, { newcomer: session, moreCome });
    this.#welcome(session, join, now);
    return session;
  }

  #welcome(session: Session, join: JoinRequest, now: number): void {
    const start = this.#startOf(session, join, now);
    const mode = this.#fanOut.modeOf(session);
    const roster = this.#roster.revision;
    const { member, user, viewOnly } = session.record;
    const expiresAt = session.record.access?.expiresAt;
    const isAsked = start.recovered !== true || join.state === true;
    const hasState = isAsked && session.rights.may("state");
    const welcome: WelcomeFrame = {
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      session: join.session,
      key: join.key,
      member,
      ...(user !== "" && { user }),
      ...(viewOnly === true && { viewOnly }),
      time: this.#log.timeAt(now),
      history: this.#kind.history,
      position: this.#log.positionAt(start.offset),
      head: this.#log.positionAt(this.#log.head),
      ...(start.recovered !== undefined && { recovered: start.recovered }),
      ...(start.reason !== undefined && { reason: start.reason }),
      ...{ mode, roster, count: this.#members.size },
      ...(expiresAt !== undefined && { expiresInMs: expiresAt - now }),
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
    session.lane.fallBehind(start.offset, now);
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

/** How long a client waits before it knocks again at a full room, in milliseconds. */
const FULL_RETRY_MS = 5_000;

/** How long one waits who has made too many rooms, in milliseconds: an hour brings the first few more. */
const NEW_ROOM_RETRY_MS = 3_600_000;

/** The limits a client keeps itself to. */
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
