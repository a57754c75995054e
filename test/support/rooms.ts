import { randomBytes } from "node:crypto";

/**
 * Returns a room name that is not used yet, so that tests on one server do not interfere.
 *
 * @param prefix the beginning of the name; `doc:spec` makes a `doc` room
 */
export function uniqueRoom(prefix = "room"): string {
  return `${prefix}-${randomBytes(9).toString("base64url")}`;
}

/** Draws a client's key: 128 random bits as 22 characters of base64url. */
export function randomKey(): string {
  return randomBytes(16).toString("base64url");
}
