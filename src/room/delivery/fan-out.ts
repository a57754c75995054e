import type { PresenceMode } from "../../protocol/contract.ts";
import { encodeFrame } from "../../protocol/encode.ts";
import { isFor } from "../../protocol/messages.ts";
import type { Deliveries } from "./deliveries.ts";
import { DIALECTS } from "./dialects.ts";
import { encodeRoster } from "./flush-encoder.ts";
import { viewerOf, passesBy, startsLog, textFor, type Flush } from "./flush.ts";
import type { Log } from "../log/log.ts";
import type { Members } from "../presence/members.ts";
import { Throttle } from "../../limits/throttle.ts";
import type { Roster } from "../presence/roster.ts";
import { isExpired, type Session, type Sessions } from "../connections/sessions.ts";

/** A member is told where it stands when messages for others have brought the log so far beyond it. */
const POSITION_EVERY = 500;

/**
 * How much of the log is read per second for connections that are behind, whether it is for them or not. Without this bound,
 * many clients that reconnect at once would take the room's one thread. At this rate, twenty of them leave the latency of
 * the others unchanged.
 */
const CATCH_UP_CHARS = { perSecond: 67_108_864, burst: 1_048_576 };

/**
 * The interval after which a connection is checked again that is held back by the room's memory, and not by a missing report
 * of its client, in milliseconds. The runtime does not report when a queue drains.
 */
const CHECK_AGAIN_MS = 250;

/**
 * Sends frames to connections, as much as each of them reads: one that does not keep up is sent the log instead, a page
 * at a time, and is live again when it has read all of it.
 */
export class FanOut {
  readonly #log: Log;
  readonly #sessions: Sessions;
  readonly #members: Members;
  readonly #roster: Roster;
  readonly #deliveries: Deliveries;
  /** Those who are sent the log when there is time for it again, in turn. */
  readonly #queued = new Set<Session>();
  /** The connections that are sent more when the room's memory has space. Their clients will send no report. */
  readonly #held = new Set<Session>();
  #checkAt: number | undefined;
  readonly #catchUps = new Throttle(CATCH_UP_CHARS);

  constructor(room: {
    readonly log: Log;
    readonly sessions: Sessions;
    readonly members: Members;
    readonly roster: Roster;
    readonly deliveries: Deliveries;
  }) {
    this.#deliveries = room.deliveries;
    this.#log = room.log;
    this.#sessions = room.sessions;
    this.#members = room.members;
    this.#roster = room.roster;
  }

  /** Sends a flush to a connection. With `isGone` its member has left, and is not told who is here. */
  tell(session: Session, flush: Flush, now: number, isGone = false): void {
    const { sendWindow, record } = session;
    const own = flush.own.get(session) ?? NONE;
    // Who is closed for it is told nothing either.
    if (isExpired(session, now))
      return isGone ? undefined : this.#deliveries.cutOff(session, "token_expired");
    if (sendWindow.overflows) return this.#giveUp(session, isGone);
    if (sendWindow.behind !== undefined) {
      if (startsLog(flush)) return this.#giveUp(session, isGone);
      if (flush.contents.presence !== undefined) sendWindow.miss();
      return this.#reply(session, own, isGone);
    }
    const filtered = this.#needsPosition(session, flush) ? this.#filteredFrame() : undefined;
    const shared = textFor(session, flush, isGone, filtered);
    if (shared.count + own.length === 0) return;
    const text =
      own.length === 0 ? shared.text : DIALECTS[record.dialect].append(shared, own, flush.position);
    const isWhole = sendWindow.fits(text.length);
    if (isWhole || (shared.count > 0 && sendWindow.fits(shared.text.length))) {
      this.#deliveries.send(session, isWhole ? text : shared.text);
      if (shared.count > 0) this.#noteTold(session, flush);
    } else if (shared.count > 0 && !shared.isVolatile) {
      const cannotWait = !sendWindow.hasWindow || sendWindow.isSpent(shared.text.length);
      if (isGone || cannotWait || startsLog(flush)) return this.#giveUp(session, isGone);
      sendWindow.fallBehind(flush.after, now);
      sendWindow.standsIn(this.#log.open());
      if (flush.contents.presence !== undefined) sendWindow.miss();
      this.#hold(session, now);
    }
    if (!isWhole) this.#reply(session, own, isGone);
  }

  /** Sends a welcome, which every connection is sent whole. */
  welcome(session: Session, text: string, offset: number): void {
    session.toldOffset = offset;
    this.#deliveries.send(
      session,
      DIALECTS[session.record.dialect].write(text, true, this.#log.positionAt(offset)),
    );
    // One whose welcome is larger than its allowance would otherwise come back for ever, and never get further.
    session.sendWindow.welcomed();
  }

  /**
   * Sends the log to a connection that is behind, as far as it reads. Cuts one off that can be sent no more, or whose
   * place in the log is gone: it comes back with its position.
   */
  advance(session: Session, now: number): void {
    const { sendWindow, record } = session;
    if (sendWindow.behind === undefined) return;
    const isInLog = sendWindow.standsIn(this.#log.open()) && sendWindow.behind >= this.#log.floor(now);
    if (!isInLog) return this.#deliveries.cutOff(session);
    while (sendWindow.behind < this.#log.head) {
      // Not read before there is room for it: who says often what it has read may make that no work.
      if (!sendWindow.fits(sendWindow.pageChars)) return this.#wait(session, sendWindow.pageChars, now);
      if (!this.#catchUps.take(0, now)) return void this.#queued.add(session);
      const page = this.#log.page(sendWindow.behind, sendWindow.pageChars, viewerOf(session));
      if (page === undefined) break;
      this.#catchUps.owe(page.cost + page.texts.length, now);
      if (page.texts !== "") {
        const text = DIALECTS[record.dialect].write(page.texts, false, this.#log.positionAt(page.last));
        if (!sendWindow.fits(text.length)) return this.#wait(session, text.length, now);
        this.#deliveries.send(session, text);
      }
      sendWindow.advance(page.last);
    }
    const mode = this.modeOf(session);
    const items = [
      encodeFrame({ type: "position", position: this.#position, reason: "replayed" }),
      ...(sendWindow.hasMissed ? [this.#rosterFrame(mode)] : []),
    ];
    const text = DIALECTS[record.dialect].write(items.join(","), items.length === 1, this.#position);
    if (!sendWindow.fits(text.length)) return this.#wait(session, text.length, now);
    this.#deliveries.send(session, text);
    session.toldOffset = this.#log.head;
    sendWindow.catchUp();
  }

  /**
   * Continues with the connections that wait for their turn to be sent the log, or for space in the room's memory. A
   * connection that had a turn waits behind those that had none.
   *
   * @param dueBy work that was planned until then is due, even if the clock was set back since
   */
  goOn(now: number, dueBy: number): void {
    if ((this.heldUntil ?? Infinity) <= dueBy) {
      for (const session of this.#held) {
        session.sendWindow.recheck(now);
        this.#queued.add(session);
      }
      this.#held.clear();
    }
    if (this.#queued.size === 0) return;
    this.#sessions.backlog.refresh();
    if (!this.#catchUps.take(0, dueBy)) return;
    for (const session of [...this.#queued]) {
      if (!this.#catchUps.take(0, now)) return;
      this.#queued.delete(session);
      if (this.#sessions.of(session.socket) === session) this.advance(session, now);
    }
  }

  /** When to {@link goOn}, Unix milliseconds; `undefined` when no one waits for a turn. */
  get queuedUntil(): number | undefined {
    return this.#queued.size === 0 ? undefined : (this.#catchUps.at ?? 0);
  }

  /** When to {@link goOn}, Unix milliseconds; `undefined` if the room's memory holds no connection back. */
  get heldUntil(): number | undefined {
    return this.#held.size === 0 ? undefined : this.#checkAt;
  }

  /** How a connection is told of members now. */
  modeOf({ record, rights }: Session): PresenceMode {
    return this.#roster.isCrowded(this.#members.size) || !rights.may("members") ? "count" : record.mode;
  }

  /** Continues when the connection has read more. A connection whose client would never report that is closed. */
  #wait(session: Session, chars: number, now: number): void {
    const { sendWindow } = session;
    if (sendWindow.hasWindow && !sendWindow.isSpent(chars)) this.#hold(session, now);
    else this.#deliveries.cutOff(session);
  }

  /** Holds a connection that is behind until it can be sent more. */
  #hold(session: Session, now: number): void {
    this.#deliveries.noteStalled(session);
    const { sendWindow } = session;
    if (!sendWindow.isDoubted && !sendWindow.hasRead) return; // Its client will report what it reads.
    if (this.#held.size === 0) this.#checkAt = now + CHECK_AGAIN_MS;
    this.#held.add(session);
  }

  get #position(): string {
    return this.#log.position ?? "";
  }

  #rosterFrame(mode: PresenceMode): string {
    const listText = mode === "list" ? this.#members.listText : "";
    return encodeRoster({ count: this.#members.size, roster: this.#roster.revision, listText }, mode);
  }

  /** Whether messages for others went by, so many that its position has fallen far behind. */
  #needsPosition(session: Session, flush: Flush): boolean {
    return passesBy(session, flush) && this.#log.head - (session.toldOffset ?? -Infinity) >= POSITION_EVERY;
  }

  #filteredFrame(): string {
    return encodeFrame({ type: "position", position: this.#position, reason: "filtered" });
  }

  #noteTold(session: Session, flush: Flush): void {
    const { recorded } = flush.contents;
    if (recorded.length === 0) return;
    const isAtHead = !flush.isAddressed || this.#needsPosition(session, flush);
    const last = isAtHead
      ? recorded.length - 1
      : recorded.findLastIndex((entry) => isFor(entry, viewerOf(session)));
    if (last !== -1) session.toldOffset = flush.after + last + 1;
  }

  /** Sends answers alone. */
  #reply(session: Session, own: readonly string[], isGone: boolean): void {
    if (own.length === 0) return;
    const text = DIALECTS[session.record.dialect].write(
      own.join(","),
      own.length === 1,
      this.#positionOf(session),
    );
    if (session.sendWindow.fitsReply(text.length)) this.#deliveries.send(session, text);
    else this.#giveUp(session, isGone);
  }

  /** Ends a connection that cannot be told; one whose member has left is about to end, and says so. */
  #giveUp(session: Session, isGone: boolean): void {
    if (!isGone) this.#deliveries.cutOff(session);
  }

  /** What an answer brings a connection to: nowhere, while it is sent the log. */
  #positionOf({ sendWindow }: Session): string {
    return sendWindow.behind === undefined ? this.#position : this.#log.positionAt(sendWindow.behind);
  }
}

const NONE: readonly string[] = [];
