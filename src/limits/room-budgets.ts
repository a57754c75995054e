import { SessionBudget, refusal, type SessionLimits } from "./session-budget.ts";
import { UserBudget } from "./user-budget.ts";
import { Buckets } from "./buckets.ts";
import { fullBucket, isFull, owe, take, type Bucket, type BucketRate } from "./token-bucket.ts";
import type { WireError } from "../protocol/errors.ts";

/**
 * The options that limit the work of a room: for each session, user and source, for all members together, and for
 * joins.
 */
export interface RoomLimits extends SessionLimits {
  readonly userMessagesPerSecond: number;
  readonly userMessagesBurst: number;
  readonly roomMessagesPerSecond: number;
  readonly roomMessagesBurst: number;
  readonly roomBytesPerSecond: number;
  readonly roomBytesBurst: number;
  readonly readCharsPerSecond: number;
  readonly readCharsBurst: number;
  readonly roomReadCharsPerSecond: number;
  readonly roomReadCharsBurst: number;
  readonly joinsPerSecond: number;
  readonly joinsBurst: number;
}

/** From this number of budgets on, budgets that are full again are dropped. */
const SPARE = 64;

/** The maximum time over which rejected joins are spread, in milliseconds. */
const MAX_SPREAD_MS = 30_000;

/**
 * The budgets of the sessions and users that were active recently. A session without a budget has a full one. All
 * budgets are full again within ten seconds. A room hibernates later than that, so no budget is ever stored.
 */
export class RoomBudgets {
  readonly #limits: RoomLimits;
  readonly #rates: {
    readonly user: BucketRate;
    readonly room: BucketRate;
    readonly roomBytes: BucketRate;
    readonly roomReads: BucketRate;
    readonly joins: BucketRate;
  };
  readonly #bySession = new Map<string, SessionBudget>();
  readonly #byUser = new Map<string, UserBudget>();
  readonly #readsBySource: Buckets;
  #room: Bucket | undefined;
  #roomBytes: Bucket | undefined;
  #roomReads: Bucket | undefined;
  #joins: Bucket | undefined;
  /** Rejected joins that clients may retry, minus those that the budget has had time for since. */
  #rejectedJoins = 0;
  #dropAt = SPARE;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
    this.#rates = {
      user: { perSecond: limits.userMessagesPerSecond, burst: limits.userMessagesBurst },
      room: { perSecond: limits.roomMessagesPerSecond, burst: limits.roomMessagesBurst },
      roomBytes: { perSecond: limits.roomBytesPerSecond, burst: limits.roomBytesBurst },
      roomReads: { perSecond: limits.roomReadCharsPerSecond, burst: limits.roomReadCharsBurst },
      joins: { perSecond: limits.joinsPerSecond, burst: limits.joinsBurst },
    };
    this.#readsBySource = new Buckets({
      perSecond: limits.readCharsPerSecond,
      burst: limits.readCharsBurst,
    });
  }

  /** The budget of a session. A new budget is full. */
  of(session: string, now: number): SessionBudget {
    let budget = this.#bySession.get(session);
    if (budget === undefined) {
      if (this.#bySession.size >= this.#dropAt) this.#dropWhole(now);
      this.#bySession.set(session, (budget = new SessionBudget(this.#limits, now)));
    }
    return budget;
  }

  /** Charges one message to a verified user ("" for none). Returns the rejection if the user has sent too many. */
  takeUser(user: string, now: number): WireError | undefined {
    return user === "" ? undefined : this.#ofUser(user, now).takeMessage(now);
  }

  /** Charges one message to the room. Returns the rejection if all members together have sent too many. */
  takeRoom(user: string, now: number): WireError | undefined {
    const { room: rate } = this.#rates;
    this.#room ??= fullBucket(rate, now);
    const waitMs = take(rate, this.#room, 1, now);
    if (waitMs === 0) return undefined;
    // After the wait the message must be within its user's budget as well.
    const userWaitMs = user === "" ? 0 : this.#ofUser(user, now).messageWaitMs(now);
    const charge = { waitMs: Math.max(waitMs, userWaitMs), isExcess: false };
    return refusal("roomMessagesPerSecond", "the room's message budget is spent; retry later", charge);
  }

  /** Charges a frame's size to the room. Returns the rejection if the room has no budget for it. */
  takeRoomBytes(bytes: number, now: number): WireError | undefined {
    const { roomBytes } = this.#rates;
    this.#roomBytes ??= fullBucket(roomBytes, now);
    const waitMs = take(roomBytes, this.#roomBytes, bytes, now);
    return refusal("roomBytesPerSecond", "the room's byte budget is spent; retry later", {
      waitMs,
      isExcess: false,
    });
  }

  /**
   * Why a source may not read now. The cost of a read is known only afterwards, so reads are rejected while a source, or the
   * room, still owes for earlier ones.
   *
   * @param source `undefined` if the caller is unknown
   */
  readRefusal(source: string | undefined, now: number): WireError | undefined {
    const { roomReads } = this.#rates;
    const ownMs = source === undefined ? 0 : this.#readsBySource.waitMs(source, 0, now);
    if (ownMs > 0)
      return refusal("readCharsPerSecond", "the read budget of this user or address is spent; retry later", {
        waitMs: ownMs,
        isExcess: false,
      });
    this.#roomReads ??= fullBucket(roomReads, now);
    const roomMs = take(roomReads, this.#roomReads, 0, now);
    return refusal("roomReadCharsPerSecond", "the room's read budget is spent; retry later", {
      waitMs: roomMs,
      isExcess: false,
    });
  }

  /** Charges a source, and the room, for what was read. */
  chargeRead(source: string | undefined, chars: number, now: number): void {
    const { roomReads } = this.#rates;
    if (source !== undefined) this.#readsBySource.owe(source, chars, now);
    owe(roomReads, (this.#roomReads ??= fullBucket(roomReads, now)), chars, now);
  }

  /**
   * Charges a join. Returns the rejection if too many clients join at once. Each gets its own retry time. The times are spread
   * over the time that all rejected clients need to join.
   */
  takeJoin(now: number): WireError | undefined {
    const { joins } = this.#rates;
    this.#joins ??= fullBucket(joins, now);
    if (isFull(joins, this.#joins, now)) this.#rejectedJoins = 0; // All rejected clients have had enough time to retry.
    const waitMs = take(joins, this.#joins, 1, now);
    if (waitMs === 0) {
      this.#rejectedJoins = Math.max(0, this.#rejectedJoins - 1);
      return undefined;
    }
    this.#rejectedJoins++;
    const spreadMs = Math.min(MAX_SPREAD_MS, 1_000 + (1_000 * this.#rejectedJoins) / joins.perSecond);
    const retryAfterMs = Math.ceil(waitMs + Math.random() * spreadMs);
    return { code: "room_busy", limit: "joinsPerSecond", retryAfterMs };
  }

  #ofUser(user: string, now: number): UserBudget {
    let budget = this.#byUser.get(user);
    if (budget === undefined) this.#byUser.set(user, (budget = new UserBudget(this.#rates.user, now)));
    return budget;
  }

  #dropWhole(now: number): void {
    for (const [session, budget] of this.#bySession) if (budget.isWhole(now)) this.#bySession.delete(session);
    for (const [user, budget] of this.#byUser) if (budget.isWhole(now)) this.#byUser.delete(user);
    this.#dropAt = 2 * this.#bySession.size + SPARE;
  }
}
