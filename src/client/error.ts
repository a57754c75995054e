import type { CloseName } from "../protocol/close-codes.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { ErrorFrame } from "../protocol/frames.ts";
import type { LocalErrorCode } from "./local-errors.ts";
import { nameOfClose } from "./recovery.ts";

/** The code of an error: an error or a close of PROTOCOL.md, one of the client's own, or one of a newer server. */
export type ParlorErrorCode = ErrorCode | CloseName | LocalErrorCode | (string & Record<never, never>);

/** The optional details of a {@link ParlorError}. */
export interface ParlorErrorDetails {
  readonly retryAfterMs?: number | undefined;
  readonly ref?: number | undefined;
  readonly limit?: string | undefined;
  readonly versions?: Readonly<Record<string, number>> | undefined;
}

/** Why an act was rejected, or why a room is closed. */
export class ParlorError extends Error {
  /** Permanent; `message` is for people and may change. */
  declare readonly code: ParlorErrorCode;
  /** How long to wait before the same can succeed, in milliseconds; `undefined` if waiting is not known to help. */
  declare readonly retryAfterMs: number | undefined;
  /** The rejected act; `undefined` if the error is not about a single act. */
  declare readonly ref: number | undefined;
  /** The server option whose limit was exceeded. */
  declare readonly limit: string | undefined;
  /** With `conflict`: the current versions of the compared keys, 0 for an absent key. */
  declare readonly versions: Readonly<Record<string, number>> | undefined;

  constructor(
    code: ParlorErrorCode,
    message: string,
    { retryAfterMs, ref, limit, versions }: ParlorErrorDetails = {},
  ) {
    super(message);
    Object.assign(this, { name: "ParlorError", code, retryAfterMs, ref, limit, versions });
  }
}

/** The error of a server's error frame. */
export function errorOfFrame(frame: ErrorFrame): ParlorError {
  return new ParlorError(frame.code, frame.message, frame);
}

/** The error for a close with this code and reason. */
export function errorOfClose(code: number, reason: string): ParlorError {
  const name = nameOfClose(code);
  return new ParlorError(name, reason === "" ? name : reason);
}

/** The error for an act or an update when `maxPendingActs` of them are waiting. */
export function errorOfFullQueue(count: number, what: "acts" | "updates"): ParlorError {
  const message = `${count} ${what} are waiting, which is the limit (maxPendingActs); wait for some to finish`;
  return new ParlorError("outbox_full", message);
}

/** The error for an act that was sent, and whose reply never arrived. */
export function errorOfLostReply(ref?: number): ParlorError {
  const message = "the act was sent, and no reply arrived in time; it may have taken effect";
  return new ParlorError("outcome_unknown", message, { ref });
}
