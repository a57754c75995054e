import { shown } from "../../protocol/shown.ts";
import type { Config, Kind } from "../../config/config.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import { decodeRoomName, kindOf } from "../../protocol/room-names.ts";
import { withoutSpareSlashes } from "./paths.ts";

/** A room that may exist: its name is well-formed and its kind is known. */
export interface RoomReference {
  readonly room: string;
  readonly kind: Kind;
}

/**
 * How long a client waits after naming a kind that this server does not have, in milliseconds. During a deployment some
 * requests reach the previous version.
 */
const UNKNOWN_KIND_RETRY_MS = 30_000;

/** Reads the room from the path of a request, `/rooms/{room}` and below. */
export function readRoomReference(url: URL, config: Config): Result<RoomReference> {
  // Reads the raw path, because a router may decode a segment twice.
  const segment = withoutSpareSlashes(url.pathname).split("/")[2] ?? "";
  const room = decodeRoomName(segment);
  if (!room.ok) return room;
  const kind = config.kinds.get(kindOf(room.value));
  if (kind === undefined) {
    const known = [...config.kinds.keys()].join(", ");
    const message = `this server has no kind ${shown(kindOf(room.value))}; its kinds are ${known}`;
    return err({ code: "unknown_kind", message, retryAfterMs: UNKNOWN_KIND_RETRY_MS });
  }
  return ok({ room: room.value, kind });
}
