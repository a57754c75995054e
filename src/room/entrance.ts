import type { Kind } from "../config/config.ts";
import type { JoinRequest } from "../protocol/contract.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import type { WelcomeFrame } from "../protocol/frames.ts";
import { formatPosition, type UnrecoveredReason } from "../protocol/positions.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import { DIALECTS } from "./dialects.ts";
import type { Log } from "./log.ts";
import { deliver, type Outbox } from "./outbox.ts";
import { memberEntry, type Members } from "./members.ts";
import type { Session, Sessions } from "./sessions.ts";

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

  constructor(
    kind: Kind,
    room: {
      readonly log: Log;
      readonly outbox: Outbox;
      readonly sessions: Sessions;
      readonly members: Members;
    },
  ) {
    this.#kind = kind;
    this.#members = room.members;
    this.#log = room.log;
    this.#outbox = room.outbox;
    this.#sessions = room.sessions;
  }

  /** Why a join cannot be had now; `undefined` when it can. Touches nothing. */
  refusal(join: JoinRequest): WireError | undefined {
    const { maxMembers } = this.#kind;
    if (this.#members.byId(join.member) !== undefined || this.#members.size < maxMembers) return undefined;
    const message = `the room holds no more than ${maxMembers} members`;
    return { code: "room_full", message, limit: "maxMembers", retryAfterMs: FULL_RETRY_MS };
  }

  /**
   * Makes an accepted socket a member's. The outbox is empty before and after: the newcomer sees nothing that is
   * not stored, and the others hear of it before it can act.
   */
  enter(socket: WebSocket, join: JoinRequest, now: number): Session {
    this.#log.open();
    this.#outbox.flush(now);
    const older = this.#sessions.byId(join.session);
    if (older !== undefined) this.#sessions.close(older, "replaced");
    const presence = join.presence ?? this.#members.byId(join.member)?.data;
    const session = this.#sessions.add(socket, {
      session: join.session,
      member: join.member,
      user: join.user,
      dialect: join.dialect,
      mode: join.mode,
      joinedAt: older === undefined ? now : Math.max(now, older.record.joinedAt),
      heardAt: now,
    });
    const { member, news } = this.#members.arrive(session.record, presence);
    if (news !== undefined) this.#outbox[news](member);
    this.#outbox.flush(now, session);
    this.#welcome(session, join, now);
    return session;
  }

  #welcome(session: Session, join: JoinRequest, now: number): void {
    const epoch = this.#log.open();
    const start = this.#startOf(join, now);
    const at = (offset: number): string => formatPosition({ epoch, offset });
    const { member, user, dialect, mode } = session.record;
    const welcome: WelcomeFrame = {
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      session: join.session,
      key: join.key,
      member,
      ...(user !== "" && { user }),
      time: this.#log.timeAt(now),
      history: "durable",
      position: at(start.offset),
      head: at(this.#log.head),
      ...(start.recovered !== undefined && { recovered: start.recovered }),
      ...(start.reason !== undefined && { reason: start.reason }),
      mode,
      count: this.#members.size,
      ...(mode === "list" && {
        members: Array.from(this.#members.all(), memberEntry),
      }),
      pingIntervalMs: this.#kind.pingIntervalMs,
      silenceTimeoutMs: this.#kind.silenceTimeoutMs,
      limits: toldLimits(this.#kind),
    };
    deliver(session, DIALECTS[dialect](encodeFrame(welcome), true, at(start.offset)));
    if (start.offset === this.#log.head) return;
    for (const page of this.#log.read(start.offset)) {
      deliver(session, DIALECTS[dialect](page.texts, false, at(page.last)));
    }
    const position = encodeFrame({ type: "position", position: at(this.#log.head), reason: "replayed" });
    deliver(session, DIALECTS[dialect](position, true, at(this.#log.head)));
  }

  #startOf(join: JoinRequest, now: number): Start {
    if (join.after !== undefined) return this.#log.resume(join.after, now);
    return { offset: join.rewind === undefined ? this.#log.head : this.#log.rewind(join.rewind, now) };
  }
}

/** How long a client waits before it knocks again at a full room, in milliseconds. */
const FULL_RETRY_MS = 5_000;

/** The limits a client keeps itself to. */
function toldLimits(kind: Kind): Record<string, number> {
  const { maxFrameBytes, maxPresenceBytes, maxRefusals } = kind;
  const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = kind;
  return {
    ...{ maxFrameBytes, maxPresenceBytes, maxRefusals },
    ...{ messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst },
  };
}
