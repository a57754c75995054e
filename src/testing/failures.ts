import type { ErrorCode, WireError } from "../protocol/errors.ts";

/** An error that a test requests: a code of PROTOCOL.md, and the details that the server would send with it. */
export interface Failure {
  readonly code: ErrorCode;
  /** @default the text of the error's row in PROTOCOL.md */
  readonly message?: string;
  /** @default none; for errors whose row says *wait*, the default of the server */
  readonly retryAfterMs?: number;
  /** The option whose limit was reached. @default none */
  readonly limit?: string;
}

/** The failures that a test has requested and that have not happened yet, in order. */
export class Failures {
  #next: Failure[] = [];

  /** Requests a failure, once or several times. */
  add(failure: Failure, times: number): void {
    for (let count = 0; count < times; count++) this.#next.push(failure);
  }

  /** Takes the next failure, if there is one. */
  take(): WireError | undefined {
    return this.#next.shift();
  }
}
