import type { KindOptions } from "../../config/options.ts";
import type { FormatName } from "../../protocol/contract.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import type { Backlog } from "./backlog.ts";
import { SendQueue } from "./send-queue.ts";

/** The options that bound what waits to be read by one connection. */
export type SendWindowLimits = Pick<KindOptions, "windowChars" | "allowanceChars" | "maxBufferedBytes">;

/** The state of a connection that receives every flush. */
export interface Live {
  readonly is: "live";
}

/** The state of a connection that is sent the log instead, because its client did not read fast enough or has just joined. */
export interface Behind {
  readonly is: "behind";
  /** The connection has received the log up to this offset. */
  readonly offset: number;
  /** The epoch of that log. A log that is not stored ends with the room's memory. */
  readonly epoch: string;
  /** When the client last read anything, Unix milliseconds. */
  readonly stalledAt: number;
  /** Whether the connection missed changes of presence. */
  readonly hasMissedPresence: boolean;
}

/**
 * The part of a send window that must outlive the room's memory (attachment.ts). Lengths are in UTF-16 units of text, or in
 * bytes for binary frames.
 */
export interface SendWindowRecord {
  /** The length of all frames sent on this connection. */
  sent: number;
  /** The part of it that was the welcome. */
  welcome?: number | undefined;
  /** The length that its client has read, as far as its reports can be true. Absent if the client does not report. */
  seen?: number | undefined;
  /** The length that its client claims to have read, while that is more than can be true. */
  said?: number | undefined;
  state: Live | Behind;
}

/** The state of every live connection. */
export const LIVE: Live = { is: "live" };

/**
 * The maximum unread characters of a bridge. Its isolate holds the data that its reader has not taken, for all readers of a
 * location. The room is near the bridge, and the slow network of the reader is behind it.
 */
const BRIDGE_WINDOW_CHARS = 65_536;

/** The window of a connection that speaks a dialect. */
export function windowCharsOf(
  { windowChars }: Pick<SendWindowLimits, "windowChars">,
  dialect: FormatName,
): number {
  return dialect === "bridge" ? Math.min(windowChars, BRIDGE_WINDOW_CHARS) : windowChars;
}

/** Pages of the log in a window. A client says what it has read after as much as one of them. */
const PAGES_PER_WINDOW = 4;

/** The free reports after a hibernation, because as many frames may still be unread. */
const SPARE_SEEN = 64;

/** What a page is wrapped in: brackets, and its position for a bridge. */
const WRAPPING_CHARS = 64;

/** Whose send window it is. */
interface SendWindowContext {
  readonly dialect: FormatName;
  /** What all connections of the room leave unread. */
  readonly backlog: Backlog;
  /** Called when there is something new to attach. */
  readonly changed: () => void;
}

/**
 * How much of what a connection was sent it has not read, and what may be sent to it.
 *
 * Not sending is the only defence against a client that stops reading, because closing its socket frees nothing, and queued
 * data keeps a room awake (workerd 1.20261117). A client that reports what it has read has a window. It falls behind when the
 * window is full. From then on it is sent the log, as fast as it reads.
 *
 * A report is only a claim, except from a bridge, which is the server's own. Where the runtime reports what is queued
 * (`bufferedAmount`), that part counts as unread whatever the client claims, and a client that reports nothing is bounded
 * by it. Where it does not, nothing proves that a client reads: each WebSocket has an allowance for as long as it is
 * connected.
 */
export class SendWindow {
  readonly #limits: SendWindowLimits;
  readonly #backlog: Backlog;
  readonly #queue: SendQueue;
  readonly #changed: () => void;
  readonly #isBridge: boolean;
  readonly #bytesPerUnit: number;
  /** Changed in place: it is for every frame that is sent. */
  readonly #record: SendWindowRecord;
  /** Sent frames for which its client has not sent `seen`. Not attached: after a hibernation it starts with a few. */
  #unnoted = SPARE_SEEN;

  constructor(socket: WebSocket, limits: SendWindowLimits, record: SendWindowRecord, of: SendWindowContext) {
    this.#limits = limits;
    this.#backlog = of.backlog;
    this.#queue = new SendQueue(socket);
    this.#changed = of.changed;
    this.#isBridge = of.dialect === "bridge";
    this.#bytesPerUnit = dialectOf(of.dialect).maxBytesPerUnit;
    this.#record = { ...record };
  }

  /** What to attach to the socket. */
  get record(): Readonly<SendWindowRecord> {
    return this.#record;
  }

  /** Whether its client says what it has read. */
  get hasWindow(): boolean {
    return this.#record.seen !== undefined;
  }

  /** Whether the connection is live, or how far it is behind. */
  get state(): Live | Behind {
    return this.#record.state;
  }

  /** When its client last read anything, Unix milliseconds; `undefined` for a connection that is live or has no window. */
  get stalledAt(): number | undefined {
    const { state } = this.#record;
    return state.is === "behind" && this.hasWindow ? state.stalledAt : undefined;
  }

  /** The largest page of the log it should be sent. */
  get pageChars(): number {
    return Math.floor(this.#limits.windowChars / PAGES_PER_WINDOW) - WRAPPING_CHARS;
  }

  /**
   * Whether a frame may be sent. One of any size always may to a connection that has perhaps read everything: a client
   * need not say so before a quarter of the window has come, and what never fitted would never be sent.
   */
  fits(chars: number): boolean {
    if (!this.#isWithinOwn(chars) && !(this.#recheckReport() && this.#isWithinOwn(chars))) return false;
    return this.#backlog.isCalm || this.#isWithinShare(chars);
  }

  /**
   * Whether an answer may be sent: twice as much as anything else, for those who act and do not read; and one of any
   * size to a connection that is within its bound, for a page of history may be larger than that.
   */
  fitsReply(chars: number): boolean {
    if (this.isSpent(0)) return false;
    if (!this.#backlog.isCalm && !this.#queue.isWithin(this.#backlog.share)) return false;
    return this.#hasRoom(0) || this.#hasRoom(chars - this.#limit());
  }

  /**
   * Whether its allowance ends before a frame. Its client's reports cannot be checked here, so they do not help, and the
   * client has to reconnect.
   */
  isSpent(chars: number): boolean {
    if (!this.hasWindow || this.#isBridge || this.#queue.isReported || this.#sentSinceWelcome === 0)
      return false;
    return this.#sentSinceWelcome + chars > this.#limits.allowanceChars;
  }

  /** Whether it keeps up, and so is sent volatile messages. */
  get keepsUp(): boolean {
    return !this.hasWindow || this.#unread() <= this.#limit() / 2;
  }

  /** Whether more is queued for it than allowed, as the runtime reports. One with a window stops receiving earlier. */
  get overflows(): boolean {
    return !this.hasWindow && !this.#queue.isWithin(this.#maxQueuedBytes);
  }

  /** Whether its client claims to have read what is still queued. */
  get isDoubted(): boolean {
    return this.#record.said !== undefined;
  }

  /** Whether its client has read everything needed to be sent more, so that something else holds it back. */
  get hasRead(): boolean {
    return this.#mayHaveReadAll();
  }

  /** Its bytes in the room's memory: as the runtime reports, otherwise what its client should have reported by now. */
  get heldBytes(): number {
    if (this.#queue.isReported) return this.#queue.read();
    const unreported = this.#limits.windowChars / PAGES_PER_WINDOW;
    return this.hasWindow ? Math.max(0, this.#unread() - unreported) : 0;
  }

  /** What may be unread once it is closed and its client does not answer, in bytes. */
  get remainingBytes(): number {
    return this.#isBridge ? this.#unread() : this.#record.sent;
  }

  /** Notes what was sent. */
  took(chars: number): void {
    this.#record.sent += chars;
    this.#unnoted++;
    const bytes = chars * this.#bytesPerUnit;
    this.#queue.took(bytes);
    this.#backlog.took(bytes);
    this.#changed();
  }

  /** What was sent so far is the welcome: its size is the room's, and it does not count against an allowance. */
  welcomed(): void {
    this.#change({ welcome: this.#record.sent });
  }

  /**
   * Notes the total that its client reports as read, at most what was sent. Returns whether the client has reported no more
   * often than it was sent frames, as clients do.
   */
  read(chars: number, now: number): boolean {
    const reported = Math.min(Math.max(chars, this.#record.said ?? 0), this.#record.sent);
    if (this.#takeReport(reported)) this.#restartStall(now);
    const isDue = this.#unnoted > 0;
    if (isDue) this.#unnoted--;
    return isDue;
  }

  /** Checks again whether its client's report can be true, and restarts its stall if the client has read something. */
  recheck(now: number): void {
    if (this.#recheckReport() || this.hasRead) this.#restartStall(now);
  }

  /** Restarts its stall if that is ahead of a clock that was set back; returns whether it did. */
  restart(now: number): boolean {
    const isAhead = (this.stalledAt ?? 0) > now;
    if (isAhead) this.#restartStall(now);
    return isAhead;
  }

  /** From now on the connection is sent the log with this epoch, from an offset. */
  fallBehind(offset: number, epoch: string, now: number): void {
    this.#change({ state: { is: "behind", offset, epoch, stalledAt: now, hasMissedPresence: false } });
  }

  /** The connection has received the log up to an offset. */
  advance(offset: number): void {
    this.#changeBehind({ offset });
  }

  /** The connection has not received a change of presence. */
  missPresence(): void {
    const { state } = this.#record;
    if (state.is === "behind" && !state.hasMissedPresence) this.#changeBehind({ hasMissedPresence: true });
  }

  /** The connection has received the whole log. */
  catchUp(): void {
    this.#change({ state: LIVE });
  }

  #restartStall(now: number): void {
    this.#changeBehind({ stalledAt: now });
  }

  #changeBehind(change: Partial<Omit<Behind, "is">>): void {
    const { state } = this.#record;
    if (state.is === "behind") this.#change({ state: { ...state, ...change } });
  }

  /** Accepts a claim as far as it can be true, because queued data has not been read. Returns whether more was read. */
  #takeReport(reported: number): boolean {
    const queued = this.#isBridge || !this.#queue.isReported ? 0 : this.#queue.read() / this.#bytesPerUnit;
    const before = this.#record.seen ?? -1;
    const seen = Math.max(0, before, Math.min(reported, Math.floor(this.#record.sent - queued)));
    const doubted = seen < reported ? reported : undefined;
    if (seen !== before || doubted !== this.#record.said) this.#change({ seen, said: doubted });
    return seen !== before;
  }

  /** Applies the last claim again. */
  #recheckReport(): boolean {
    const { said } = this.#record;
    return said !== undefined && this.#takeReport(said);
  }

  /** Whether a frame stays within what this connection may leave unread. */
  #isWithinOwn(chars: number): boolean {
    return !this.isSpent(chars) && (this.#hasRoom(chars) || this.#mayHaveReadAll());
  }

  /** Whether a frame stays within its share of the room's bound, as the runtime reports. */
  #isWithinShare(chars: number): boolean {
    if (!this.#queue.isReported || this.#queue.isWithin(this.#backlog.share - chars)) return true;
    // A connection with a window loses nothing: it is sent the log later. Another would have to reconnect, although it reads.
    return this.#queue.isWithin(0) && (!this.hasWindow || this.#backlog.hasRoomFor(chars));
  }

  /** Whether so much more stays within what may wait to be read. */
  #hasRoom(chars: number): boolean {
    if (this.hasWindow) return this.#unread() + chars <= this.#limits.windowChars;
    if (this.#queue.isReported) return this.#queue.isWithin(this.#maxQueuedBytes - chars);
    return this.#sentSinceWelcome + chars <= this.#limits.allowanceChars;
  }

  #mayHaveReadAll(): boolean {
    if (this.hasWindow) return this.#unread() < this.#limits.windowChars / PAGES_PER_WINDOW;
    return this.#sentSinceWelcome === 0 || (this.#queue.isReported && this.#queue.isWithin(0));
  }

  /** For a connection with a window. */
  #unread(): number {
    return this.#record.sent - (this.#record.seen ?? 0);
  }

  /** A welcome does not count, because it may be larger than the bound: a client on a slow network would never get further. */
  get #maxQueuedBytes(): number {
    return this.#limits.maxBufferedBytes + (this.#record.welcome ?? 0) * this.#bytesPerUnit;
  }

  get #sentSinceWelcome(): number {
    return this.#record.sent - (this.#record.welcome ?? 0);
  }

  #limit(): number {
    const { windowChars, allowanceChars, maxBufferedBytes } = this.#limits;
    if (this.hasWindow) return windowChars;
    return this.#queue.isReported ? maxBufferedBytes : allowanceChars;
  }

  #change(change: Partial<SendWindowRecord>): void {
    Object.assign(this.#record, change);
    this.#changed();
  }
}
