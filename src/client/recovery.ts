import type { CLOSE_CODES, CloseName } from "../protocol/close-codes.ts";
import type { ERRORS, ErrorCode, ErrorRecovery } from "../protocol/errors.ts";
import type { ErrorFrame } from "../protocol/frames.ts";

/** The errors whose row in the table of errors has this recovery. */
type CodesOf<Recovery extends ErrorRecovery> = {
  [Code in ErrorCode]: (typeof ERRORS)[Code]["recovery"] extends Recovery ? Code : never;
}[ErrorCode];

/** The close codes after which a client does not reconnect, by number. */
type FinalNames = {
  [
    Name in CloseName as (typeof CLOSE_CODES)[Name]["recovery"] extends "do not retry"
      ? (typeof CLOSE_CODES)[Name]["code"]
      : never
  ]: Name;
};

// The protocol's tables without their texts, which a client does not need and a page would have to load. The compiler checks
// these copies against the tables: a missing or a different row is a type error.

const RECOVERIES: Readonly<Record<string, "wait" | "reconnect">> = {
  rate_limited: "wait",
  muted: "wait",
  room_busy: "wait",
  room_full: "wait",
  banned: "wait",
  unknown_kind: "wait", // another version of the server may have the kind
  unavailable: "wait",
  internal: "wait",
  not_joined: "reconnect",
  superseded: "reconnect",
  token_expired: "reconnect", // each join requests a new token
} satisfies Record<CodesOf<"wait">, "wait"> & Record<CodesOf<"reconnect" | "renew">, "reconnect">;

const FINAL_NAMES: Readonly<Record<number, string>> = {
  4500: "bad_protocol",
  4501: "kicked",
  4502: "version",
  4503: "forbidden",
  4504: "replaced",
  4505: "abuse",
  4506: "room_closed",
  4507: "left",
} satisfies FinalNames;

/** What to do about a rejected act: repeat it later, repeat it after a reconnect, or reject its promise. */
export type ActRecovery = "wait" | "reconnect" | "give up";

/**
 * The recovery of a rejected act, from the table of errors. For an error newer than this code it is to wait if the server
 * states how long, and otherwise to give up.
 */
export function recoveryOf({ code, retryAfterMs }: ErrorFrame): ActRecovery {
  return RECOVERIES[code] ?? (retryAfterMs === undefined ? "give up" : "wait");
}

/** The name of a close code after which a client does not reconnect; its number if it is newer than this code. */
export function nameOfClose(code: number): string {
  return FINAL_NAMES[code] ?? `close_${code}`;
}
