import type { PresenceMode } from "../../protocol/contract.ts";
import { encodeFrame } from "../../protocol/encode.ts";
import { Throttle } from "../../limits/throttle.ts";
import type { Session, Sessions } from "../connections/sessions.ts";
import type { Log } from "../log/log.ts";
import type { Members } from "../presence/members.ts";
import type { Roster } from "../presence/roster.ts";
import type { Deliveries } from "./deliveries.ts";
import { FORMATS } from "./formats.ts";
import { encodeRoster } from "./flush-encoder.ts";
import { viewerOf } from "./flush.ts";

/**
 * Maximum characters of the log that are read per second for connections that are behind, including messages for others.
 * Without this limit, many clients that reconnect at once would occupy the room's one thread. At this rate, twenty of them
 * leave the latency of the others unchanged.
 */
const CATCH_UP_CHARS = { perSecond: 67_108_864, burst: 1_048_576 };

/**
 * The interval of the checks of connections that the room's memory holds back, in milliseconds. Their clients have reported
 * everything, and the runtime does not report when a queue drains.
 */
const CHECK_AGAIN_MS = 250;

/** The collaborators that send the log. */
interface Collaborators {
  readonly log: Log;
  readonly sessions: Sessions;
  readonly members: Members;
  readonly roster: Roster;
  readonly deliveries: Deliveries;
}

/**
 * Sends the log to connections that are behind, a page at a time, as fast as each client reads. A connection that has
 * received the whole log is live again.
 */
export class CatchUp {
  readonly #room: Collaborators;
  /** The connections that wait for the throttle, in the order of their turns. */
  readonly #queued = new Set<Session>();
  /** The connections that are sent more when the room's memory has space. Their clients send no report that would wake them. */
  readonly #held = new Set<Session>();
  #checkAt = 0;
  readonly #throttle = new Throttle(CATCH_UP_CHARS);

  constructor(room: Collaborators) {
    this.#room = room;
  }

  /**
   * Sends a new connection its first frames, and then the log from its offset.
   *
   * @param first the items of each frame: its welcome, and the kept volatile messages. A connection that continues has neither,
   * and may have nothing
   */
  begin(session: Session, first: readonly (readonly string[])[], offset: number, now: number): void {
    session.toldOffset = offset;
    const position = this.#room.log.positionAt(offset);
    for (const items of first) {
      if (items.length === 0) continue;
      const text = FORMATS[session.record.dialect].write(items.join(","), items.length === 1, position);
      this.#room.deliveries.send(session, text);
    }
    // A client whose welcome exceeds its allowance would otherwise reconnect for ever.
    session.sendWindow.welcomed();
    if (offset === this.#room.log.head) return;
    session.sendWindow.fallBehind(offset, this.#room.log.open(), now);
    this.advance(session, now);
  }

  /**
   * Sends the log to a connection that is behind, until its window is full. Closes the connection if it can be sent nothing
   * more, or if the log no longer has its offset. Its client then reconnects with its position.
   */
  advance(session: Session, now: number): void {
    const { sendWindow, record } = session;
    const { state } = sendWindow;
    if (state.is === "live") return;
    const isInLog = state.epoch === this.#room.log.open() && state.offset >= this.#room.log.floor(now);
    if (!isInLog) return this.#room.deliveries.cutOff(session);
    let { offset } = state;
    while (offset < this.#room.log.head) {
      // The log is read only if a page fits. Otherwise frequent reports of a client would cost reads.
      if (!sendWindow.fits(sendWindow.pageChars)) return this.#wait(session, sendWindow.pageChars, now);
      if (!this.#throttle.take(0, now)) return void this.#queued.add(session);
      const page = this.#room.log.page(offset, sendWindow.pageChars, viewerOf(session));
      if (page === undefined) break;
      this.#throttle.owe(page.cost + page.texts.length, now);
      if (page.texts !== "") {
        const text = FORMATS[record.dialect].write(page.texts, false, this.#room.log.positionAt(page.last));
        if (!sendWindow.fits(text.length)) return this.#wait(session, text.length, now);
        this.#room.deliveries.send(session, text);
      }
      offset = page.last;
      sendWindow.advance(offset);
    }
    const position = this.#room.log.position ?? "";
    const mode = this.#room.roster.modeOf(session, this.#room.members.size);
    const items = [
      encodeFrame({ type: "position", position, reason: "replayed" }),
      ...(state.hasMissedPresence ? [this.#rosterFrame(mode)] : []),
    ];
    const text = FORMATS[record.dialect].write(items.join(","), items.length === 1, position);
    // The response to a poll ends here, and the next poll would not know of this replay.
    const mustWait = record.polledFrom === undefined && !sendWindow.fits(text.length);
    if (mustWait) return this.#wait(session, text.length, now);
    this.#room.deliveries.send(session, text);
    session.toldOffset = this.#room.log.head;
    sendWindow.catchUp();
  }

  /**
   * Continues with the connections that wait for their turn, or for space in the room's memory. A connection that had a turn
   * waits behind those that had none.
   *
   * @param dueBy work that was planned until this time is due, even if the clock was set back since
   */
  goOn(now: number, dueBy: number): void {
    if ((this.heldUntil(now) ?? Infinity) <= dueBy) {
      for (const session of this.#held) {
        session.sendWindow.recheck(now);
        this.#queued.add(session);
      }
      this.#held.clear();
    }
    if (this.#queued.size === 0) return;
    this.#room.sessions.backlog.refresh();
    if (!this.#throttle.take(0, dueBy)) return;
    for (const session of [...this.#queued]) {
      if (!this.#throttle.take(0, now)) return;
      this.#queued.delete(session);
      if (this.#room.sessions.of(session.socket) === session) this.advance(session, now);
    }
  }

  /** When to {@link goOn}, Unix milliseconds; `undefined` if no connection waits for its turn. */
  get queuedUntil(): number | undefined {
    return this.#queued.size === 0 ? undefined : (this.#throttle.at ?? 0);
  }

  /**
   * When to {@link goOn}, Unix milliseconds; `undefined` if the room's memory holds no connection back. A clock that was set
   * back does not lengthen the wait.
   */
  heldUntil(now: number): number | undefined {
    if (this.#held.size === 0) return undefined;
    this.#checkAt = Math.min(this.#checkAt, now + CHECK_AGAIN_MS);
    return this.#checkAt;
  }

  /** Holds a connection that is behind until it can be sent more. */
  hold(session: Session, now: number): void {
    this.#room.deliveries.noteStalled(session);
    const { sendWindow } = session;
    if (!sendWindow.isDoubted && !sendWindow.hasRead) return; // Its client reports what it reads.
    if (this.#held.size === 0) this.#checkAt = now + CHECK_AGAIN_MS;
    this.#held.add(session);
  }

  /** Waits until the client has read more. Closes a connection whose client never reports that. */
  #wait(session: Session, chars: number, now: number): void {
    const { sendWindow } = session;
    if (sendWindow.hasWindow && !sendWindow.isSpent(chars)) this.hold(session, now);
    else this.#room.deliveries.cutOff(session);
  }

  #rosterFrame(mode: PresenceMode): string {
    const listText = mode === "list" ? this.#room.members.listText : "";
    return encodeRoster(
      { count: this.#room.members.size, roster: this.#room.roster.revision, listText },
      mode,
    );
  }
}
