import { fullBucket, take, type Bucket, type BucketRate } from "../../limits/token-bucket.ts";
import type { WireError } from "../../protocol/errors.ts";

/** The maximum entries of each map and set. */
const MAX_REMEMBERED = 10_000;

/**
 * How long a source waits before it retries to read a room that may be new, in milliseconds. As soon as someone joins that
 * room in this isolate, the source can read it.
 */
const READ_RETRY_MS = 10_000;

/**
 * Limits how many new rooms one user or address can touch in a day, counted per isolate. A room is new if nobody has joined
 * it before. A source touches it if it joins it first, reads it, or acts in it. Only its object knows whether a room is new.
 * Starting the object takes memory for ten seconds, and in workerd a file of 4 KiB that stays.
 */
export class NewRooms {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, Bucket>();
  /** Rooms that somebody has joined. */
  readonly #known = new Set<string>();
  /** Pairs of a source and a new room that it has read, acted in or joined. Each pair counts once. */
  readonly #counted = new Set<string>();

  constructor(perDay: number) {
    this.#rate = { perSecond: perDay / 86_400, burst: perDay };
  }

  /** Whether the limit allows a source to be the first to join a room. */
  mayCreate(source: string, room: string, now: number): boolean {
    if (this.#counted.has(pairOf(source, room))) return true;
    const bucket = this.#buckets.get(source);
    return bucket === undefined || take(this.#rate, { ...bucket }, 1, now) === 0;
  }

  /** Notes that a source was the first in a room. */
  created(source: string, room: string, now: number): void {
    const pair = pairOf(source, room);
    if (this.#counted.has(pair)) return;
    remember(this.#counted, pair);
    if (this.#buckets.size >= MAX_REMEMBERED) this.#buckets.clear();
    const bucket = this.#buckets.get(source) ?? fullBucket(this.#rate, now);
    this.#buckets.set(source, bucket);
    take(this.#rate, bucket, 1, now);
  }

  /**
   * Rejects a read if the source has reached its limit and the room may be new. A POST is never rejected, because its
   * client has joined the room before, perhaps through another isolate.
   */
  refusalOfRead(source: string, room: string, now: number): WireError | undefined {
    if (this.#known.has(room) || this.mayCreate(source, room, now)) return undefined;
    const message =
      "this user or address has requested too many new rooms today; join the room, or retry later";
    return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: READ_RETRY_MS };
  }

  /** Notes whether a room that was read or acted in is new. */
  touched(source: string, room: string, isNew: boolean, now: number): void {
    if (isNew) this.created(source, room, now);
    else this.found(room);
  }

  /** Notes that a room has been joined. */
  found(room: string): void {
    remember(this.#known, room);
  }
}

/** The key of a pair. It is unambiguous, because no room name contains a space. */
function pairOf(source: string, room: string): string {
  return `${room} ${source}`;
}

function remember(names: Set<string>, name: string): void {
  if (names.size >= MAX_REMEMBERED) names.clear();
  names.add(name);
}
