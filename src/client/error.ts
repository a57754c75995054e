import type { CloseName } from "../protocol/close-codes.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { ErrorFrame } from "../protocol/frames.ts";
import { nameOfClose } from "./recovery.ts";

/**
 * Errors that are found on this side:
 *
 * - `outbox_full`: as many acts wait for their answer as `maxPendingActs` allows;
 * - `closed`: the room was closed, by {@link Room.close} or {@link Room.leave}, before the act was answered;
 * - `outcome_unknown`: the act was sent, its answer was lost, and the connection was away for longer than a server
 *   remembers acts (rule A3). Sent again it might be stored twice, so it is not; it may be stored, or not.
 */
export type LocalErrorCode = "outbox_full" | "closed" | "outcome_unknown";

/** The name of what went wrong: an error or a close of PROTOCOL.md, one of this side, or one of a newer server. */
export type ParlorErrorCode = ErrorCode | CloseName | LocalErrorCode | (string & Record<never, never>);

/** What a {@link ParlorError} may know besides its code. */
export interface ParlorErrorDetails {
  readonly retryAfterMs?: number | undefined;
  readonly ref?: number | undefined;
  readonly limit?: string | undefined;
  readonly versions?: Readonly<Record<string, number>> | undefined;
}

/** Why an act was refused, or why a room is closed. */
export class ParlorError extends Error {
  /** Permanent; `message` is for people and may change. */
  declare readonly code: ParlorErrorCode;
  /** How long to wait before the same can succeed, in milliseconds; `undefined` if waiting is not known to help. */
  declare readonly retryAfterMs: number | undefined;
  /** The act that was refused; `undefined` if it was no single one. */
  declare readonly ref: number | undefined;
  /** The server's option whose bound was met. */
  declare readonly limit: string | undefined;
  /** With `conflict`: the versions that the keys compared have, 0 for one that is absent. */
  declare readonly versions: Readonly<Record<string, number>> | undefined;

  constructor(code: ParlorErrorCode, message: string, details: ParlorErrorDetails = {}) {
    super(message);
    this.name = "ParlorError";
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.ref = details.ref;
    this.limit = details.limit;
    this.versions = details.versions;
  }
}

/** The error that a server's error frame tells of. */
export function errorOfFrame(frame: ErrorFrame): ParlorError {
  return new ParlorError(frame.code, frame.message, frame);
}

/** The error that a close with this code and reason is. */
export function errorOfClose(code: number, reason: string): ParlorError {
  const name = nameOfClose(code);
  return new ParlorError(name, reason === "" ? name : reason);
}

/** Rejects an act or an update that finds as many of them waiting as the application allows. */
export function errorOfFullQueue(count: number, what: "acts" | "updates"): ParlorError {
  const message = `${count} ${what} are waiting, which is the limit (maxPendingActs); wait for some to finish`;
  return new ParlorError("outbox_full", message);
}
