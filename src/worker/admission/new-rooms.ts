import { fullBucket, take, type Bucket, type BucketRate } from "../../limits/token-bucket.ts";
import type { WireError } from "../../protocol/errors.ts";

/** Sources, rooms, and pairs of them that an isolate remembers. */
const MAX_REMEMBERED = 10_000;

/**
 * How long a source waits before it reads a room again that may be new, in milliseconds. The room may exist: a join in this
 * isolate makes it known, and then the source may read it.
 */
const READ_RETRY_MS = 10_000;

/**
 * Limits how many rooms that nobody has joined one user or address may touch in a day (join first, or read), counted per
 * isolate. To find out whether a room exists, its object must be started. That takes memory for ten seconds, and in workerd
 * a file of 4 KiB that stays.
 */
export class NewRooms {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, Bucket>();
  /** Rooms that have been joined. */
  readonly #known = new Set<string>();
  /** Which source has read, acted in or joined which new room. Doing so again costs nothing. */
  readonly #counted = new Set<string>();

  constructor(perDay: number) {
    this.#rate = { perSecond: perDay / 86_400, burst: perDay };
  }

  /** Whether a source may be the first to join a room. */
  mayCreate(source: string, room: string, now: number): boolean {
    if (this.#counted.has(pairOf(source, room))) return true;
    const bucket = this.#buckets.get(source);
    return bucket === undefined || take(this.#rate, { ...bucket }, 1, now) === 0;
  }

  /** Notes that a source was the first in a room. Counts each room once. */
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
   * Why a source may not read a room: its limit is reached, and this room may be new. A POST is not refused: it acts in a
   * room that its client has joined, perhaps through another isolate.
   */
  refusalOfRead(source: string, room: string, now: number): WireError | undefined {
    if (this.#known.has(room) || this.mayCreate(source, room, now)) return undefined;
    const message =
      "this user or address has requested too many new rooms today; join the room, or retry later";
    return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: READ_RETRY_MS };
  }

  /** Notes whether a room that was touched without a join is new. */
  touched(source: string, room: string, isNew: boolean, now: number): void {
    if (isNew) this.created(source, room, now);
    else this.found(room);
  }

  /** Notes that a room has been joined. */
  found(room: string): void {
    remember(this.#known, room);
  }
}

/** No room name contains a space. */
function pairOf(source: string, room: string): string {
  return `${room} ${source}`;
}

function remember(names: Set<string>, name: string): void {
  if (names.size >= MAX_REMEMBERED) names.clear();
  names.add(name);
}
