import type { Session } from "../connections/sessions.ts";

/** What a flush did, with everything sent earlier in the same turn. */
export interface FlushReport {
  /** The number of frames sent to connections. */
  readonly sends: number;
  /** The number of messages written to the storage. */
  readonly stored: number;
  /** The sessions whose connections were closed. The caller begins the grace periods of their members. */
  readonly slow: readonly Session[];
  /** The sessions that fell behind, or are still behind. */
  readonly stalled: readonly Session[];
  /** The connections of polls that were sent something, each once or more. The caller ends them. */
  readonly answered: readonly Session[];
}

/** The report of two flushes together. */
export function combined(first: FlushReport, second: FlushReport): FlushReport {
  return {
    sends: first.sends + second.sends,
    stored: first.stored + second.stored,
    slow: [...first.slow, ...second.slow],
    stalled: [...first.stalled, ...second.stalled],
    answered: [...first.answered, ...second.answered],
  };
}
