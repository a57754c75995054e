import type { KindOptions } from "../../config/options.ts";
import type { FormatName } from "../../protocol/contract.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import type { Backlog } from "./backlog.ts";
import { SendQueue } from "./send-queue.ts";

/** The options that limit the unread data of one connection. */
export type SendWindowLimits = Pick<KindOptions, "windowChars" | "allowanceChars" | "maxBufferedBytes">;

/** The state of a connection that receives every flush. */
export interface Live {
  readonly is: "live";
}

/** The state of a connection that is sent the log instead, because its client did not read fast enough or has just joined. */
export interface Behind {
  readonly is: "behind";
  /** The connection was sent the log up to this offset. */
  readonly offset: number;
  /** The epoch of that log. A log that is not stored ends with the room's memory. */
  readonly epoch: string;
  /** When the client last read anything, Unix milliseconds. Equal to the time of falling behind until then. */
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
  /** The length of the welcome. */
  welcome?: number | undefined;
  /** The length that its client has read, limited to what can be true. Absent if the client sends no reports. */
  seen?: number | undefined;
  /** The length that its client reports as read, while that is more than can be true. */
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

/** The window of a connection with this dialect. */
export function windowCharsOf(
  { windowChars }: Pick<SendWindowLimits, "windowChars">,
  dialect: FormatName,
): number {
  return dialect === "bridge" ? Math.min(windowChars, BRIDGE_WINDOW_CHARS) : windowChars;
}

/** The number of log pages in a window. A client reports what it has read after each page. */
const PAGES_PER_WINDOW = 4;

/** The reports that a client may send after a hibernation without new frames, because this many frames may be unread. */
const SPARE_SEEN = 64;

/** The characters around a page: brackets, and the position in a bridge frame. */
const WRAPPING_CHARS = 64;

/** The connection of a send window. */
interface SendWindowContext {
  readonly dialect: FormatName;
  /** The unread data of all connections of the room. */
  readonly backlog: Backlog;
  /** Called when the record has changed and must be attached. */
  readonly changed: () => void;
}

/**
 * Counts what a connection was sent and has not read, and decides what it may be sent.
 *
 * The only defence against a client that stops reading is to send it nothing more. Closing its socket frees no memory, and
 * queued data keeps a room awake (workerd 1.20261117). A client that reports what it has read has a window. It falls behind
 * when the window is full. From then on it is sent the log, as fast as it reads.
 *
 * A report is only a claim, except from a bridge, which is part of the server. If the runtime reports queued data
 * (`bufferedAmount`), that data counts as unread whatever the client claims, and limits a client that sends no reports. If the
 * runtime reports nothing, nothing proves that a client reads. Each WebSocket then has an allowance for as long as it is
 * connected.
 */
export class SendWindow {
  readonly #limits: SendWindowLimits;
  readonly #backlog: Backlog;
  readonly #queue: SendQueue;
  readonly #changed: () => void;
  readonly #isBridge: boolean;
  readonly #bytesPerUnit: number;
  /** Changed in place, because it changes with every frame that is sent. */
  readonly #record: SendWindowRecord;
  /** Sent frames for which its client has not sent `seen`. Not attached, so it starts at {@link SPARE_SEEN} after a hibernation. */
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

  /** Whether its client reports what it has read. */
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
   * Whether a frame may be sent. A frame of any size may be sent to a connection that may have read everything. A client need
   * not report before it has received a quarter of the window, and a frame larger than the window would otherwise never be sent.
   */
  fits(chars: number): boolean {
    if (!this.#isWithinOwn(chars) && !(this.#recheckReport() && this.#isWithinOwn(chars))) return false;
    return this.#backlog.isCalm || this.#isWithinShare(chars);
  }

  /**
   * Whether a reply may be sent. The limit for replies is twice as high, for clients that act and do not read. A connection
   * within its own limit may be sent a reply of any size, because a page of history may be larger than the limit.
   */
  fitsReply(chars: number): boolean {
    if (this.isSpent(0)) return false;
    if (!this.#backlog.isCalm && !this.#queue.isWithin(this.#backlog.share)) return false;
    return this.#hasRoom(0) || this.#hasRoom(chars - this.#limit());
  }

  /**
   * Whether a frame exceeds the allowance. Where the runtime reports nothing, a client's reports cannot be checked and do not
   * extend the allowance. The client has to reconnect.
   */
  isSpent(chars: number): boolean {
    if (!this.hasWindow || this.#isBridge || this.#queue.isReported || this.#sentSinceWelcome === 0)
      return false;
    return this.#sentSinceWelcome + chars > this.#limits.allowanceChars;
  }

  /** Whether the connection keeps up. Only then is it sent volatile messages. */
  get keepsUp(): boolean {
    return !this.hasWindow || this.#unread() <= this.#limit() / 2;
  }

  /** Whether the runtime reports more queued data than allowed. A connection with a window falls behind earlier. */
  get overflows(): boolean {
    return !this.hasWindow && !this.#queue.isWithin(this.#maxQueuedBytes);
  }

  /** Whether its client reports data as read that is still queued. */
  get isDoubted(): boolean {
    return this.#record.said !== undefined;
  }

  /** Whether its client has read enough to be sent more, so that only the room's memory holds the connection back. */
  get hasRead(): boolean {
    return this.#mayHaveReadAll();
  }

  /** Its bytes in the room's memory, as the runtime reports them, or estimated from the client's reports. */
  get heldBytes(): number {
    if (this.#queue.isReported) return this.#queue.read();
    const unreported = this.#limits.windowChars / PAGES_PER_WINDOW;
    return this.hasWindow ? Math.max(0, this.#unread() - unreported) : 0;
  }

  /** The bytes that may stay unread after the connection is closed, until its client answers. */
  get remainingBytes(): number {
    return this.#isBridge ? this.#unread() : this.#record.sent;
  }

  /** Counts a sent frame. */
  took(chars: number): void {
    this.#record.sent += chars;
    this.#unnoted++;
    const bytes = chars * this.#bytesPerUnit;
    this.#queue.took(bytes);
    this.#backlog.took(bytes);
    this.#changed();
  }

  /** Marks everything sent so far as the welcome. The room decides its size, so it does not count against the allowance. */
  welcomed(): void {
    this.#change({ welcome: this.#record.sent });
  }

  /**
   * Records the total that its client reports as read, at most what was sent. Returns whether the client has sent at most one
   * report for each frame.
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

  /** Restarts the stall if it is in the future because the clock was set back. Returns whether it was. */
  restart(now: number): boolean {
    const isAhead = (this.stalledAt ?? 0) > now;
    if (isAhead) this.#restartStall(now);
    return isAhead;
  }

  /** From now on the connection is sent the log with this epoch, from an offset. */
  fallBehind(offset: number, epoch: string, now: number): void {
    this.#change({ state: { is: "behind", offset, epoch, stalledAt: now, hasMissedPresence: false } });
  }

  /** The connection was sent the log up to an offset. */
  advance(offset: number): void {
    this.#changeBehind({ offset });
  }

  /** The connection was not sent a change of presence. */
  missPresence(): void {
    const { state } = this.#record;
    if (state.is === "behind" && !state.hasMissedPresence) this.#changeBehind({ hasMissedPresence: true });
  }

  /** The connection was sent the whole log. */
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

  /** Accepts a report, except for data that is still queued and cannot have been read. Returns whether more was read. */
  #takeReport(reported: number): boolean {
    const queued = this.#isBridge || !this.#queue.isReported ? 0 : this.#queue.read() / this.#bytesPerUnit;
    const before = this.#record.seen ?? -1;
    const seen = Math.max(0, before, Math.min(reported, Math.floor(this.#record.sent - queued)));
    const doubted = seen < reported ? reported : undefined;
    if (seen !== before || doubted !== this.#record.said) this.#change({ seen, said: doubted });
    return seen !== before;
  }

  /** Applies the last doubted report again. */
  #recheckReport(): boolean {
    const { said: doubted } = this.#record;
    return doubted !== undefined && this.#takeReport(doubted);
  }

  /** Whether a frame stays within the connection's own limit. */
  #isWithinOwn(chars: number): boolean {
    return !this.isSpent(chars) && (this.#hasRoom(chars) || this.#mayHaveReadAll());
  }

  /** Whether a frame stays within the connection's share of the room's limit, as the runtime reports. */
  #isWithinShare(chars: number): boolean {
    if (!this.#queue.isReported || this.#queue.isWithin(this.#backlog.share - chars)) return true;
    // A connection with a window loses nothing, because it is sent the log later. Any other would have to reconnect.
    return this.#queue.isWithin(0) && (!this.hasWindow || this.#backlog.hasRoomFor(chars));
  }

  /** Whether this many more characters stay within the limit of unread data. */
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

  /** The welcome does not count. It may exceed the limit, and a client on a slow network would otherwise never get further. */
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
