import { endsAt } from "../../limits/durations.ts";
import type { WireError } from "../../protocol/errors.ts";
import { err, ok, type Result } from "../../protocol/result.ts";

/** The `retryAfterMs` for a source that has reached its limit of streams. */
const RETRY_MS = 10_000;

/** A stream without a sign of life for this many heartbeats counts as ended. */
const LOST_AFTER_BEATS = 3;

/**
 * A stream whose reader stopped reading, and was cut off, keeps its place for this long, in milliseconds. The runtime keeps
 * the connection, and 0.3 MB for it, until the reader closes it (workerd 1.20261117).
 */
const CUT_KEEPS_MS = 600_000;

/** Lost streams of all sources are removed once there are twice as many sources as after the last time, or this many. */
const MIN_SOURCES = 1_000;

/** How long a stream counts unless there is a new heartbeat. */
interface Lease {
  /** Unix milliseconds. */
  until: number;
  readonly durationMs: number;
}

/** A stream that is open, or about to be. */
export interface OpenStream {
  /** Notes that it is still there. */
  beat(now: number): void;
  end(): void;
  /** Notes that it has ended, but that its reader still holds the connection. */
  cut(now: number): void;
}

/**
 * Limits how many SSE streams one source has at a time, counted per isolate. A stream costs memory here for as long as
 * its reader holds it, whether it reads or not.
 *
 * The runtime may drop a request without running any of its code again, so a stream counts only while its heartbeats come.
 */
export class StreamLimit {
  readonly #maxPerSource: number;
  readonly #lostAfterMs: number;
  /** The leases of each source's streams. */
  readonly #bySource = new Map<string, Map<object, Lease>>();
  #tidyAt = MIN_SOURCES;

  constructor(maxPerSource: number, heartbeatMs: number) {
    this.#maxPerSource = maxPerSource;
    this.#lostAfterMs = LOST_AFTER_BEATS * heartbeatMs;
  }

  /** Sources that have a stream, as far as is known. */
  get sources(): number {
    return this.#bySource.size;
  }

  /** Takes a place for a stream, or returns the error if its source has no more. */
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

  /** Keeps a stream's place. Its source may have been forgotten meanwhile, and may have come again with other streams. */
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
      message: `this user or address has ${this.#maxPerSource} open event streams, the limit is ${this.#maxPerSource}; close one or use a WebSocket`,
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
      // Noted, because a clock that was set back would otherwise end it later each time.
      lease.until = endsAt(lease.until, lease.durationMs, now);
      if (lease.until <= now) streams.delete(id);
    }
  }
}
