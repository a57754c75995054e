import type { KindOptions } from "../../config/options.ts";
import { isWithin } from "../../limits/durations.ts";
import type { WireError } from "../../protocol/errors.ts";

/** The options that limit the unread data of all connections of a room, and the number of unanswered closes. */
export type BacklogLimits = Pick<KindOptions, "maxUnreadBytes" | "maxClosing">;

/** Receives the unread bytes of one connection, and its source. */
export type Visit = (bytes: number, source: string | undefined) => void;

/** A connection that asks to join. */
export interface Joining {
  readonly source: string;
  /** Whether its session is in the room already. Other sources must not prevent it from reconnecting. */
  readonly isReturn: boolean;
  readonly now: number;
}

/** The connections that the backlog counts, including those that the room has closed. */
export interface Holders {
  /** Visits every connection that may hold unread data. Asks the runtime about each one. */
  visit(each: Visit): void;
  /** How many connections the room has closed whose clients have not answered. */
  readonly unanswered: number;
  /** How many of these belong to a source and count against it. */
  unansweredOf(source: string, now: number): number;
}

/** One source may use this fraction of each limit, so that its own joins are rejected before those of others. */
const SOURCE_PART = 4;

/**
 * While more than half of the limit is used, a connection may leave this fraction of the free part unread. Any number of slow
 * connections then stay below the limit together (the "dynamic threshold" of switches with shared memory).
 */
const SHARE_PART = 8;

/** While more than half of the limit is used, the backlog is measured again after this many bytes. */
const MEASURE_EVERY_BYTES = 1_048_576;

/**
 * Joins use one measurement for this long, in milliseconds, or until this fraction of the limit has been sent since. A
 * measurement asks the runtime about every connection, and a crowd joins a thousand times a second.
 */
const JOINS_MEASURE_EVERY_MS = 100;
const JOINS_MEASURE_PART = 32;

/** The retry delay for clients that are rejected because of unread data, in milliseconds. */
const RETRY_MS = 5_000;

/**
 * The unread data of all connections together, and which joins and sends the room rejects because of it.
 *
 * `close()` does not free the data that is queued for a socket, and a welcome can be megabytes. Only a limit on joins and
 * sends prevents clients that do not read from filling the object's 128 MB.
 */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #holders: Holders;
  /** An upper bound of the unread bytes. Unknown until they are measured. */
  #atMost = Infinity;
  #measured = 0;
  /** The last measurement for joins: the unread bytes of all sources together, and of each. */
  #forJoins = { at: -Infinity, total: 0, bySource: new Map<string | undefined, number>() };

  constructor(limits: BacklogLimits, holders: Holders) {
    this.#limits = limits;
    this.#holders = holders;
  }

  /** Adds bytes sent to a connection, or an upper bound of them. */
  took(bytes: number): void {
    this.#atMost += bytes;
  }

  /** Whether at most half of the limit is unread. Only each connection's own limit applies then. */
  get isCalm(): boolean {
    const half = this.#limits.maxUnreadBytes / 2;
    if (this.#atMost <= half) return true;
    if (this.#atMost - this.#measured >= MEASURE_EVERY_BYTES) this.#measure();
    return this.#atMost <= half;
  }

  /** The unread bytes that one connection may have while the backlog is not calm. */
  get share(): number {
    return Math.max(0, (this.#limits.maxUnreadBytes - this.#atMost) / SHARE_PART);
  }

  /** Whether this many more bytes stay within the limit. */
  hasRoomFor(bytes: number): boolean {
    return this.#atMost + bytes <= this.#limits.maxUnreadBytes;
  }

  /** Measures again if much was unread. Called at the start of a turn, because clients read nothing during a turn. */
  refresh(): void {
    if (this.#atMost > this.#limits.maxUnreadBytes / 2) this.#measure();
  }

  /** Why the room rejects a join; `undefined` if it accepts it. */
  refusal(joining: Joining): WireError | undefined {
    return this.#refusalForUnanswered(joining) ?? this.#refusalForUnread(joining);
  }

  #refusalForUnanswered({ source, isReturn, now }: Joining): WireError | undefined {
    const { maxClosing } = this.#limits;
    const { unanswered } = this.#holders;
    const part = Math.max(1, maxClosing / SOURCE_PART);
    const isFull = !isReturn && unanswered >= maxClosing;
    if (!isFull && (unanswered < part || this.#holders.unansweredOf(source, now) < part)) return undefined;
    const message = isFull
      ? `${unanswered} closed connections of the room are waiting for a close frame from their clients, the limit is ${maxClosing}; retry later`
      : "too many closed connections of this user or address are waiting for a close frame from their clients; retry later";
    return { code: "room_full", message, limit: "maxClosing", retryAfterMs: RETRY_MS };
  }

  #refusalForUnread({ source, isReturn, now }: Joining): WireError | undefined {
    const { maxUnreadBytes } = this.#limits;
    const part = maxUnreadBytes / SOURCE_PART;
    if (this.#atMost < part) return undefined;
    const own = this.#unreadOf(source, now);
    const why = { limit: "maxUnreadBytes", retryAfterMs: RETRY_MS };
    // New clients may use one half. The other half is reserved for sessions that are in the room already.
    if (this.#atMost >= (isReturn ? maxUnreadBytes : maxUnreadBytes / 2))
      return {
        code: "room_busy",
        message: "the clients of the room leave too much data unread; retry later",
        ...why,
      };
    // Not `room_busy`, which a Worker applies to all clients.
    if (own >= part)
      return {
        code: "room_full",
        message: "the connections of this user or address leave too much data unread; retry later",
        ...why,
      };
    return undefined;
  }

  /** The unread bytes of one source, as of the last measurement for joins. */
  #unreadOf(source: string, now: number): number {
    const { at, total } = this.#forJoins;
    const mayHaveGrown = this.#atMost - total >= this.#limits.maxUnreadBytes / JOINS_MEASURE_PART;
    if (mayHaveGrown || !isWithin(JOINS_MEASURE_EVERY_MS, at, now)) {
      const bySource = new Map<string | undefined, number>();
      this.#measure((bytes, of) => bySource.set(of, (bySource.get(of) ?? 0) + bytes));
      this.#forJoins = { at: now, total: this.#measured, bySource };
    }
    return this.#forJoins.bySource.get(source) ?? 0;
  }

  /** Measures the unread bytes, and passes them on for each connection. */
  #measure(each?: Visit): void {
    let total = 0;
    this.#holders.visit((bytes, source) => {
      total += bytes;
      each?.(bytes, source);
    });
    this.#atMost = this.#measured = total;
  }
}
