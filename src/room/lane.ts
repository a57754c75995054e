import type { KindOptions } from "../config/options.ts";
import type { DialectName } from "../protocol/contract.ts";

/** The options that bound what waits to be read by one connection. */
export type LaneLimits = Pick<KindOptions, "windowChars" | "allowanceChars" | "maxBufferedBytes">;

/** What of a lane must outlive the room's memory. Lengths in UTF-16 units of text, in bytes where frames are binary. */
export interface LaneRecord {
  /** Sent on this connection. */
  sent: number;
  /** The part of it that was the welcome. */
  welcome?: number | undefined;
  /** Read, as its client said; absent for one that does not say. */
  seen?: number | undefined;
  /** While it is sent the log: the offset it stands at. */
  behind?: number | undefined;
  /** The epoch of that log: a log that is not stored ends with the room's memory. */
  epoch?: string | undefined;
  /** While it is behind: when it last read anything, Unix milliseconds. */
  stalledAt?: number | undefined;
  /** Whether it missed who came and went. */
  missed?: boolean | undefined;
}

/**
 * The most that may wait to be read by a bridge, in characters. Its isolate holds what its reader has not taken, for all
 * readers of a place together, and the room is near: the reader's own network is behind the bridge.
 */
const BRIDGE_WINDOW_CHARS = 65_536;

/** The window of a connection that speaks a dialect. */
export function windowCharsOf(
  { windowChars }: Pick<LaneLimits, "windowChars">,
  dialect: DialectName,
): number {
  return dialect === "bridge" ? Math.min(windowChars, BRIDGE_WINDOW_CHARS) : windowChars;
}

/** Pages of the log in a window. A client says what it has read after as much as one of them. */
const PAGES_PER_WINDOW = 4;

/** What a page is wrapped in: brackets, and its position for a bridge. */
const WRAPPING_CHARS = 64;

/**
 * How much of what a connection was sent it has not read, and what may be sent to it.
 *
 * Not to send is the only defence against one that stops reading: closing it frees nothing, and 4 MB queued keep a
 * room awake (workerd 1.20261023). One that says what it has read has a window, and falls behind when it is full: from
 * then on it is sent the log, as fast as it reads. One that does not say so has a larger allowance for as long as it
 * is connected, for nothing tells whether it reads, unless the runtime does (`bufferedAmount`, from 2026-11-17 on).
 */
export class Lane {
  readonly #socket: WebSocket;
  readonly #limits: LaneLimits;
  readonly #changed: () => void;
  /** Changed in place: it is for every frame that is sent. */
  readonly #record: LaneRecord;

  /** @param changed is told that there is something new to attach */
  constructor(socket: WebSocket, limits: LaneLimits, record: LaneRecord, changed: () => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#changed = changed;
    this.#record = { ...record };
  }

  /** What to attach to the socket. */
  get record(): Readonly<LaneRecord> {
    return this.#record;
  }

  /** Whether its client says what it has read. */
  get hasWindow(): boolean {
    return this.#record.seen !== undefined;
  }

  /** The offset it stands at while it is sent the log; `undefined` while it is live. */
  get behind(): number | undefined {
    return this.#record.behind;
  }

  /** Whether who came and went was not told. */
  get hasMissed(): boolean {
    return this.#record.missed === true;
  }

  /** While it is behind: since when nothing was read, Unix milliseconds. */
  get stalledAt(): number | undefined {
    return this.#record.behind === undefined || !this.hasWindow ? undefined : this.#record.stalledAt;
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
    return this.#mayHaveReadAll() || this.#hasRoom(chars);
  }

  /**
   * Whether an answer may be sent: twice as much as anything else, for those who act and do not read; and one of any
   * size to a connection that is within its bound, for a page of history may be larger than that.
   */
  fitsAnswer(chars: number): boolean {
    return this.#hasRoom(0) || this.#hasRoom(chars - this.#limit());
  }

  /** Whether it keeps up, and so is sent volatile messages. */
  get keepsUp(): boolean {
    return !this.hasWindow || this.#unread() <= this.#limit() / 2;
  }

  /** Whether the runtime tells that too much waits to be read, whatever the client says. */
  get overflows(): boolean {
    return (bufferedBytes(this.#socket) ?? 0) > this.#limits.maxBufferedBytes;
  }

  /** Notes what was sent. */
  took(chars: number): void {
    this.#record.sent += chars;
    this.#changed();
  }

  /** What was sent so far is the welcome: its size is the room's, and it does not count against an allowance. */
  welcomed(): void {
    this.#change({ welcome: this.#record.sent });
  }

  /** Notes what its client says it has read in all; more than was sent is taken for all of it. */
  read(chars: number, now: number): void {
    const seen = Math.max(this.#record.seen ?? 0, Math.min(chars, this.#record.sent));
    if (seen !== this.#record.seen) this.#change({ seen, stalledAt: now });
  }

  /** From now on it is sent the log, from an offset. */
  fallBehind(offset: number, now: number): void {
    this.#change({ behind: offset, stalledAt: now });
  }

  /** Whether the log that it stands in is the one with this epoch; while it is in none, it is from now on. */
  standsIn(epoch: string): boolean {
    if (this.#record.epoch === undefined) this.#change({ epoch });
    return this.#record.epoch === epoch;
  }

  /** It stands at an offset of the log now. */
  advance(offset: number): void {
    this.#change({ behind: offset });
  }

  /** Who came or went was not told. */
  miss(): void {
    if (!this.hasMissed) this.#change({ missed: true });
  }

  /** It is live. */
  catchUp(): void {
    this.#change({ behind: undefined, epoch: undefined, stalledAt: undefined, missed: undefined });
  }

  /** Whether so much more stays within what may wait to be read. */
  #hasRoom(chars: number): boolean {
    return this.#unread() + chars <= this.#limit();
  }

  #mayHaveReadAll(): boolean {
    const unread = this.#unread();
    if (this.hasWindow) return unread < this.#limit() / PAGES_PER_WINDOW;
    return unread === 0 || this.#sentSinceWelcome === 0;
  }

  #unread(): number {
    const { sent, seen } = this.#record;
    return seen === undefined ? (bufferedBytes(this.#socket) ?? this.#sentSinceWelcome) : sent - seen;
  }

  get #sentSinceWelcome(): number {
    return this.#record.sent - (this.#record.welcome ?? 0);
  }

  #limit(): number {
    const { windowChars, allowanceChars, maxBufferedBytes } = this.#limits;
    if (this.hasWindow) return windowChars;
    return bufferedBytes(this.#socket) === undefined ? allowanceChars : maxBufferedBytes;
  }

  #change(change: Partial<LaneRecord>): void {
    Object.assign(this.#record, change);
    this.#changed();
  }
}

/** What waits to be read by a socket's peer, in bytes; `undefined` where the runtime does not tell. */
export function bufferedBytes(socket: WebSocket): number | undefined {
  const { bufferedAmount } = socket as { readonly bufferedAmount?: unknown };
  return typeof bufferedAmount === "number" ? bufferedAmount : undefined;
}
