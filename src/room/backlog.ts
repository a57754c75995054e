import type { KindOptions } from "../config/options.ts";
import type { WireError } from "../protocol/errors.ts";

/** The options that bound what all connections of a room leave unread, and how many closes may go unanswered. */
export type BacklogLimits = Pick<KindOptions, "maxUnreadBytes" | "maxClosing">;

/** Receives the unread bytes of one connection, and the source that answers for it. */
export type Visit = (bytes: number, source: string | undefined) => void;

/** What the backlog counts: the connections of the room, those that it has closed included. */
export interface Holders {
  /** Visits every connection that may hold unread data. Asks the runtime for each. */
  visit(each: Visit): void;
  /** How many connections the room has closed whose clients have not answered. */
  readonly unanswered: number;
  /** How many of them a source answers for. */
  unansweredOf(source: string): number;
}

/** One source may cause this part of what the room can bear: it locks itself out before it locks out the others. */
const SOURCE_PART = 4;

/**
 * Beyond half of the bound, a connection may leave unread this part of what is still free. So many slow connections
 * together never reach the bound, however many they are (the "dynamic threshold" of switches with shared memory).
 */
const SHARE_PART = 8;

/** While more than half of the bound is used, it is measured again after this many bytes. */
const MEASURE_EVERY_BYTES = 1_048_576;

/** How long a client waits that could not join because of unread data, in milliseconds. */
const RETRY_MS = 5_000;

/**
 * How much unread data the room holds for all connections together, and what follows from that.
 *
 * `close()` frees nothing of what is queued for a socket, and a welcome can be megabytes. So only a bound on joins, and
 * on what is sent, keeps clients that do not read from filling the object's 128 MB.
 */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #holders: Holders;
  /** Never less than what is held. Unknown until it is measured. */
  #atMost = Infinity;
  #measured = 0;

  constructor(limits: BacklogLimits, holders: Holders) {
    this.#limits = limits;
    this.#holders = holders;
  }

  /** Notes what was sent to a connection: its bytes, or more. */
  took(bytes: number): void {
    this.#atMost += bytes;
  }

  /** Whether so little is unread that each connection has its own limit and no other. */
  get isCalm(): boolean {
    const half = this.#limits.maxUnreadBytes / 2;
    if (this.#atMost <= half) return true;
    if (this.#atMost - this.#measured >= MEASURE_EVERY_BYTES) this.#measure();
    return this.#atMost <= half;
  }

  /** While it is not calm: what one connection may leave unread, in bytes. */
  get share(): number {
    return Math.max(0, (this.#limits.maxUnreadBytes - this.#atMost) / SHARE_PART);
  }

  /** Whether the room can bear this many bytes more. */
  hasRoomFor(bytes: number): boolean {
    return this.#atMost + bytes <= this.#limits.maxUnreadBytes;
  }

  /** Measures again if much was unread. For the beginning of a turn: within one nothing is read. */
  refresh(): void {
    if (this.#atMost > this.#limits.maxUnreadBytes / 2) this.#measure();
  }

  /** Why the room accepts no further connection, from this source or from any. */
  refusal(source: string): WireError | undefined {
    return this.#refusalForUnanswered(source) ?? this.#refusalForUnread(source);
  }

  #refusalForUnanswered(source: string): WireError | undefined {
    const { maxClosing } = this.#limits;
    const { unanswered } = this.#holders;
    const part = Math.max(1, maxClosing / SOURCE_PART);
    const isFull = unanswered >= maxClosing;
    if (!isFull && (unanswered < part || this.#holders.unansweredOf(source) < part)) return undefined;
    const message = isFull
      ? `${unanswered} closed connections of the room wait for their clients to answer the close`
      : "too many closed connections of this user or address wait for their clients to answer the close";
    return { code: "room_full", message, limit: "maxClosing", retryAfterMs: RETRY_MS };
  }

  #refusalForUnread(source: string): WireError | undefined {
    const { maxUnreadBytes } = this.#limits;
    const part = maxUnreadBytes / SOURCE_PART;
    if (this.#atMost < part) return undefined;
    const own = this.#measure(source);
    const why = { limit: "maxUnreadBytes", retryAfterMs: RETRY_MS };
    if (this.#atMost >= maxUnreadBytes / 2)
      return { code: "room_busy", message: "the room holds too much unread data", ...why };
    // Not `room_busy`, which a Worker takes for everyone's.
    if (own >= part)
      return {
        code: "room_full",
        message: "the connections of this user or address leave too much data unread",
        ...why,
      };
    return undefined;
  }

  /** Measures what is held; returns the part of it that a source answers for. */
  #measure(of?: string): number {
    let total = 0;
    let own = 0;
    this.#holders.visit((bytes, source) => {
      total += bytes;
      if (source === of) own += bytes;
    });
    this.#atMost = this.#measured = total;
    return own;
  }
}
