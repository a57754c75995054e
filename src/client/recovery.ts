import type { CLOSE_CODES, CloseName } from "../protocol/close-codes.ts";
import type { ERRORS, ErrorCode, ErrorRecovery } from "../protocol/errors.ts";
import type { ErrorFrame } from "../protocol/frames.ts";

/** The errors whose row in the table of errors says this. */
type CodesOf<Recovery extends ErrorRecovery> = {
  [Code in ErrorCode]: (typeof ERRORS)[Code]["recovery"] extends Recovery ? Code : never;
}[ErrorCode];

/** The close codes that say to stay away, by number. */
type FinalNames = {
  [
    Name in CloseName as (typeof CLOSE_CODES)[Name]["recovery"] extends "stay away"
      ? (typeof CLOSE_CODES)[Name]["code"]
      : never
  ]: Name;
};

// The tables of the protocol, without their sentences, which a client has no use for and a page would have to load.
// That these say the same is checked where they are compiled: a row that is missing, or changed, is a type error.

const RECOVERIES: Readonly<Record<string, "wait" | "come back">> = {
  rate_limited: "wait",
  muted: "wait",
  room_busy: "wait",
  room_full: "wait",
  banned: "wait",
  unknown_kind: "wait", // here; another version of the server may have it
  unavailable: "wait",
  internal: "wait",
  not_joined: "come back",
  superseded: "come back",
  token_expired: "come back", // with another, which each join asks for
} satisfies Record<CodesOf<"wait">, "wait"> & Record<CodesOf<"come back" | "renew">, "come back">;

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

/** What to do about an act that was refused: send it again later, send it again once joined again, or give it up. */
export type ActRecovery = "wait" | "come back" | "give up";

/**
 * What a refused act needs: what the error's row says, or for an error newer than this code, to wait if the server
 * says how long.
 */
export function recoveryOf({ code, retryAfterMs }: ErrorFrame): ActRecovery {
  return RECOVERIES[code] ?? (retryAfterMs === undefined ? "give up" : "wait");
}

/** The name of a close code that says to stay away; for one newer than this code, its number. */
export function nameOfClose(code: number): string {
  return FINAL_NAMES[code] ?? `close_${code}`;
}
