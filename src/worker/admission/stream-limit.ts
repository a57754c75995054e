import { endsAt } from "../../limits/durations.ts";
import type { WireError } from "../../protocol/errors.ts";
import { MAX_POLL_WAIT_S } from "../../protocol/polls.ts";
import { err, ok, type Result } from "../../protocol/result.ts";

/** The `retryAfterMs` for a source that has reached its limit of streams. */
const RETRY_MS = 10_000;

/** A stream counts as ended if this many heartbeats are missing. */
const LOST_AFTER_BEATS = 3;

/** The minimum of that time, in milliseconds. A poll has no heartbeats while it waits, and its response is read after that. */
const MIN_LOST_AFTER_MS = 2 * MAX_POLL_WAIT_S * 1_000;

/**
 * How long a stream still counts after its reader stopped reading and was cut off, in milliseconds. The runtime keeps the
 * connection, with 0.3 MB of memory, until the reader closes it (workerd 1.20261117).
 */
const CUT_KEEPS_MS = 600_000;

/** Lost streams are removed when the number of sources has doubled since the last time, and is at least this. */
const MIN_SOURCES = 1_000;

/** The time until which a stream counts. A heartbeat extends it. */
interface Lease {
  /** Unix milliseconds. */
  until: number;
  readonly durationMs: number;
}

/** The place of a stream that is open or about to open. */
export interface OpenStream {
  /** Notes a heartbeat. */
  beat(now: number): void;
  end(): void;
  /** Notes that the stream has ended, but that its reader has not closed the connection. */
  cut(now: number): void;
}

/**
 * Limits the concurrent SSE streams and polls of a source, counted per isolate. A stream takes memory of the isolate until its
 * reader closes it, whether the reader reads or not.
 *
 * The runtime may drop a request without running any of its code again, so a stream counts only as long as it has heartbeats.
 */
export class StreamLimit {
  readonly #maxPerSource: number;
  readonly #lostAfterMs: number;
  /** The leases of each source's streams. */
  readonly #bySource = new Map<string, Map<object, Lease>>();
  #tidyAt = MIN_SOURCES;

  constructor(maxPerSource: number, heartbeatMs: number) {
    this.#maxPerSource = maxPerSource;
    this.#lostAfterMs = Math.max(LOST_AFTER_BEATS * heartbeatMs, MIN_LOST_AFTER_MS);
  }

  /** The number of sources that have a stream. */
  get sources(): number {
    return this.#bySource.size;
  }

  /** Takes a place for a stream, or returns an error if its source has reached the limit. */
  open(source: string, now: number): Result<OpenStream> {
    if (this.#bySource.size >= this.#tidyAt) this.#tidy(now);
    const streams = this.#bySource.get(source);
    if (streams !== undefined && streams.size >= this.#maxPerSource) {
      this.#dropLost(streams, now);
      if (streams.size >= this.#maxPerSource) return err(this.#refusal());
    }
    const id = {};
    let isOpen = true;
    const beat = (at: number): void => this.#hold(source, id, at, this.#lostAfterMs);
    beat(now);
    return ok({
      // Counts the stream again if a jump of the clock made it look lost.
      beat: (at) => {
        if (isOpen) beat(at);
      },
      end: () => {
        isOpen = false;
        this.#release(source, id);
      },
      cut: (at) => {
        isOpen = false;
        this.#hold(source, id, at, CUT_KEEPS_MS);
      },
    });
  }

  /** Keeps a stream's place. Meanwhile its source may have been forgotten, or may have opened other streams. */
  #hold(source: string, id: object, now: number, durationMs: number): void {
    const streams = this.#bySource.get(source) ?? new Map<object, Lease>();
    this.#bySource.set(source, streams);
    streams.set(id, { until: now + durationMs, durationMs });
  }

  #release(source: string, id: object): void {
    const streams = this.#bySource.get(source);
    if (streams?.delete(id) === true && streams.size === 0) this.#bySource.delete(source);
  }

  #refusal(): WireError {
    return {
      code: "rate_limited",
      message: `this user or address has ${this.#maxPerSource} open SSE streams and polls, the limit is ${this.#maxPerSource}; close one or use a WebSocket`,
      retryAfterMs: RETRY_MS,
      limit: "sseStreamsPerSource",
    };
  }

  #tidy(now: number): void {
    for (const [source, streams] of this.#bySource) {
      this.#dropLost(streams, now);
      if (streams.size === 0) this.#bySource.delete(source);
    }
    this.#tidyAt = Math.max(MIN_SOURCES, 2 * this.#bySource.size);
  }

  #dropLost(streams: Map<object, Lease>, now: number): void {
    for (const [id, lease] of streams) {
      // Stored, because otherwise each time the clock is set back would extend the lease.
      lease.until = endsAt(lease.until, lease.durationMs, now);
      if (lease.until <= now) streams.delete(id);
    }
  }
}
