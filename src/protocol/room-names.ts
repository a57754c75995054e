import { err, ok, type Result } from "./result.ts";
import { shown } from "./shown.ts";

/** The kind of a room whose name has no colon. */
export const DEFAULT_KIND = "default";

const MAX_CHARS = 128;

const ROOM_NAME = new RegExp(`^[A-Za-z0-9_.~:-]{1,${MAX_CHARS}}$`);

/**
 * Reads a room's name from one path segment. Decodes percent-encoding exactly once. Names are case-sensitive.
 *
 * An encoded slash, a second layer of encoding or a byte that is not UTF-8 is rejected with `bad_room`.
 */
export function decodeRoomName(segment: string): Result<string> {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    return err({ code: "bad_room", message: `room name ${shown(segment)} is not percent-encoded UTF-8` });
  }
  return isRoomName(name) ? ok(name) : err({ code: "bad_room", message: objectionTo(name) });
}

function objectionTo(name: string): string {
  if (name.length > MAX_CHARS) return `room name is ${name.length} characters, the limit is ${MAX_CHARS}`;
  if (name === "") return `room name is empty; use 1-${MAX_CHARS} characters of A-Z a-z 0-9 _ . ~ : -`;
  return `room name is ${shown(name)}, must be characters of A-Z a-z 0-9 _ . ~ : - and neither . nor ..`;
}

/** Whether a decoded name is a valid room name. */
export function isRoomName(name: string): boolean {
  return ROOM_NAME.test(name) && name !== "." && name !== "..";
}

/** The kind of a room: the part of its name before the first colon, or {@link DEFAULT_KIND}. */
export function kindOf(roomName: string): string {
  const colon = roomName.indexOf(":");
  return colon === -1 ? DEFAULT_KIND : roomName.slice(0, colon);
}
