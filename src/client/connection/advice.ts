import type { CloseName } from "../../protocol/close-codes.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { ParlorError } from "../error.ts";

/**
 * What a person can do about a connection that waits or is closed:
 *
 * - `wait`: nothing, because the client connects again by itself;
 * - `free_place`: the room is full. Close another tab, or wait until a member leaves;
 * - `sign_in`: get another token;
 * - `reload`: load the page again, because the server has a newer version;
 * - `rejoin`: join again with `joinRoom`, for example after a click on "continue here";
 * - `ask`: contact whoever runs the application.
 */
export type Advice = "wait" | "free_place" | "sign_in" | "reload" | "rejoin" | "ask";

/**
 * The advice by the code of the connection's error. For any other code it is `wait` while the client waits, and `ask` after the
 * room was closed. The table in docs/client.md is generated from this one.
 */
export const ADVICE: Readonly<Record<string, Advice>> = {
  room_full: "free_place",
  token_missing: "sign_in",
  token_expired: "sign_in",
  token_invalid: "sign_in",
  token_revoked: "sign_in",
  ticket_used: "sign_in",
  ticket_expired: "sign_in",
  version: "reload",
  bad_protocol: "reload",
  invalid_data: "reload",
  replaced: "rejoin",
  left: "rejoin",
} satisfies { readonly [Code in ErrorCode | CloseName]?: Advice };

/** The advice on an error, or on a connection that was lost without one. */
export function adviceOn(error: ParlorError | undefined, otherwise: Advice): Advice {
  return ADVICE[error?.code ?? ""] ?? otherwise;
}
