import { encodeFrame } from "../../protocol/encode.ts";
import { isFor } from "../../protocol/messages.ts";
import type { CatchUp } from "./catch-up.ts";
import type { Deliveries } from "./deliveries.ts";
import { FORMATS } from "./formats.ts";
import { viewerOf, passesBy, startsLog, textFor, type Flush, type SharedText } from "./flush.ts";
import type { Log } from "../log/log.ts";
import { isExpired, type Session } from "../connections/sessions.ts";

/** A member is sent its position when messages for others have moved the log this many offsets beyond it. */
const POSITION_EVERY = 500;

const NONE: readonly string[] = [];

/**
 * Sends flushes to live connections. A connection whose window is full falls behind: it gets only replies from here, and
 * {@link CatchUp} sends it the log.
 */
export class Broadcast {
  readonly #log: Log;
  readonly #deliveries: Deliveries;
  readonly #catchUp: CatchUp;

  constructor(room: { readonly log: Log; readonly deliveries: Deliveries; readonly catchUp: CatchUp }) {
    this.#log = room.log;
    this.#deliveries = room.deliveries;
    this.#catchUp = room.catchUp;
  }

  /** Sends a flush to a connection. With `isGone` its member has left, and receives no presence. */
  send(session: Session, flush: Flush, now: number, isGone = false): void {
    const { sendWindow, record } = session;
    const own = flush.own.get(session) ?? NONE;
    // A session that has left is closed after this flush anyway.
    if (isExpired(session, now))
      return isGone ? undefined : this.#deliveries.cutOff(session, "token_expired");
    if (sendWindow.overflows) return this.#giveUp(session, isGone);
    if (sendWindow.state.is === "behind") {
      if (startsLog(flush)) return this.#giveUp(session, isGone);
      if (flush.contents.presence !== undefined) sendWindow.missPresence();
      return this.#reply(session, own, isGone);
    }
    const filtered = this.#needsPosition(session, flush) ? this.#filteredFrame() : undefined;
    const shared = textFor(session, flush, isGone, filtered);
    if (shared.count + own.length === 0 || isOwnEcho(session, flush, shared, own)) return;
    const text = own.length === 0 ? shared.text : FORMATS[record.dialect].append(shared, own, flush.position);
    const isWhole = sendWindow.fits(text.length);
    if (isWhole || (shared.count > 0 && sendWindow.fits(shared.text.length))) {
      this.#deliveries.send(session, isWhole ? text : shared.text);
      if (shared.count > 0) this.#noteOffset(session, flush);
    } else if (shared.count > 0 && !shared.isVolatile) {
      const cannotWait = !sendWindow.hasWindow || sendWindow.isSpent(shared.text.length);
      if (isGone || cannotWait || startsLog(flush)) return this.#giveUp(session, isGone);
      sendWindow.fallBehind(flush.after, this.#log.open(), now);
      if (flush.contents.presence !== undefined) sendWindow.missPresence();
      this.#catchUp.hold(session, now);
    }
    if (!isWhole) this.#reply(session, own, isGone);
  }

  /** Whether a member's position is far behind the log, because the messages since were for others. */
  #needsPosition(session: Session, flush: Flush): boolean {
    return passesBy(session, flush) && this.#log.head - (session.toldOffset ?? -Infinity) >= POSITION_EVERY;
  }

  #filteredFrame(): string {
    return encodeFrame({ type: "position", position: this.#position, reason: "filtered" });
  }

  #noteOffset(session: Session, flush: Flush): void {
    const { recorded } = flush.contents;
    if (recorded.length === 0) return;
    const isAtHead = !flush.isAddressed || this.#needsPosition(session, flush);
    const last = isAtHead
      ? recorded.length - 1
      : recorded.findLastIndex((entry) => isFor(entry, viewerOf(session)));
    if (last !== -1) session.toldOffset = flush.after + last + 1;
  }

  /** Sends replies alone. */
  #reply(session: Session, own: readonly string[], isGone: boolean): void {
    if (own.length === 0) return;
    const text = FORMATS[session.record.dialect].write(
      own.join(","),
      own.length === 1,
      this.#positionOf(session),
    );
    if (session.sendWindow.fitsReply(text.length)) this.#deliveries.send(session, text);
    else this.#giveUp(session, isGone);
  }

  /** Closes a connection that cannot be sent a frame. If its member has left, the outbox closes it with that reason. */
  #giveUp(session: Session, isGone: boolean): void {
    if (!isGone) this.#deliveries.cutOff(session);
  }

  get #position(): string {
    return this.#log.position ?? "";
  }

  /** The position after a reply. While a connection is behind, a reply does not move it. */
  #positionOf({ sendWindow: { state } }: Session): string {
    return state.is === "live" ? this.#position : this.#log.positionAt(state.offset);
  }
}

/**
 * Whether a flush has nothing for a poll but volatile messages that its own member has sent. They do not answer the poll (rule Q7),
 * because the replies to them would then find no poll.
 */
function isOwnEcho(
  { record }: Session,
  { contents: { volatile } }: Flush,
  { isVolatile }: SharedText,
  own: readonly string[],
): boolean {
  if (record.polledFrom === undefined || !isVolatile || own.length > 0) return false;
  const { member } = record;
  return volatile.every(({ from, to }) => from === member || (to !== undefined && !to.includes(member)));
}
