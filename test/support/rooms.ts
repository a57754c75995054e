import { randomBytes } from "node:crypto";

/**
 * Names a room nobody has used, so that tests on one server do not meet.
 *
 * @param prefix what the name begins with; `doc:spec` makes a room of the kind `doc`
 */
export function uniqueRoom(prefix = "room"): string {
  return `${prefix}-${randomBytes(9).toString("base64url")}`;
}

/** Draws a client's key: 128 random bits as 22 characters of base64url. */
export function randomKey(): string {
  return randomBytes(16).toString("base64url");
}
