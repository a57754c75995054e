import { fullBucket, take, type Bucket, type BucketRate } from "../limits/token-bucket.ts";
import type { WireError } from "../protocol/errors.ts";

/** Sources, rooms, and pairs of them that an isolate remembers. */
const MAX_REMEMBERED = 10_000;

/** How long a source waits after touching too many new rooms, in milliseconds. An hour refills the first few. */
const RETRY_MS = 3_600_000;

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
  /** Which source has read which new room. Reading one again costs nothing. */
  readonly #counted = new Set<string>();

  constructor(perDay: number) {
    this.#rate = { perSecond: perDay / 86_400, burst: perDay };
  }

  /** Whether a source may still be the first in a room. */
  mayCreate(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source);
    return bucket === undefined || take(this.#rate, { ...bucket }, 1, now) === 0;
  }

  /** Notes that it was. */
  created(source: string, now: number): void {
    if (this.#buckets.size >= MAX_REMEMBERED) this.#buckets.clear();
    const bucket = this.#buckets.get(source) ?? fullBucket(this.#rate, now);
    this.#buckets.set(source, bucket);
    take(this.#rate, bucket, 1, now);
  }

  /** Why a source may not touch a room without joining it: its limit is reached, and this room may be new. */
  refusal(source: string, room: string, now: number): WireError | undefined {
    if (this.mayCreate(source, now) || this.#known.has(room)) return undefined;
    if (this.#counted.has(pairOf(source, room))) return undefined;
    const message = "this user or address has requested too many rooms today that nobody has joined";
    return { code: "rate_limited", message, limit: "newRoomsPerDay", retryAfterMs: RETRY_MS };
  }

  /** Notes whether a room that was touched without a join is new. */
  touched(source: string, room: string, isNew: boolean, now: number): void {
    if (!isNew) return this.found(room);
    const pair = pairOf(source, room);
    if (this.#counted.has(pair)) return;
    remember(this.#counted, pair);
    this.created(source, now);
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
