import { err, ok, type Result } from "./result.ts";

/** The kind of a room whose name has no colon. */
export const DEFAULT_KIND = "default";

const ROOM_NAME = /^[A-Za-z0-9_.~:-]{1,128}$/;

/**
 * Reads a room's name from one path segment, percent-decoded exactly once; case matters.
 *
 * An encoded slash, a second layer of encoding or a byte that is not UTF-8 make it `bad_room`.
 */
export function decodeRoomName(segment: string): Result<string> {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    return err({ code: "bad_room" });
  }
  return isRoomName(name) ? ok(name) : err({ code: "bad_room" });
}

/** Whether a decoded name is one a room can have. */
export function isRoomName(name: string): boolean {
  return ROOM_NAME.test(name) && name !== "." && name !== "..";
}

/** The kind a room's name asks for: what stands before the first colon, or {@link DEFAULT_KIND}. */
export function kindOf(roomName: string): string {
  const colon = roomName.indexOf(":");
  return colon === -1 ? DEFAULT_KIND : roomName.slice(0, colon);
}
