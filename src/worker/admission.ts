import type { Config, Kind } from "../config/config.ts";
import {
  CONTRACT_VERSION,
  type DialectName,
  type JoinRequest,
  type PresenceMode,
} from "../protocol/contract.ts";
import { HISTORY_LIMIT } from "../protocol/frames.ts";
import { deriveIdentity, isKey, randomKey } from "../protocol/ids.ts";
import { parseJson, utf8Length } from "../protocol/json.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import { decodeRoomName, kindOf } from "../protocol/room-names.ts";
import type { HistoryRange } from "../room/api.ts";

/** A room that may exist: its name is well-formed and its kind is known. */
export interface Place {
  readonly room: string;
  readonly kind: Kind;
}

/** What a client brings to a join, apart from its query. */
export interface Joiner {
  readonly dialect: DialectName;
  /** A key offered as a subprotocol; wins over the query's. */
  readonly key?: string | undefined;
  /** The header `Last-Event-ID`; wins over the query's position, for an EventSource repeats its URL. */
  readonly lastEventId?: string | undefined;
}

/** Anonymous until tokens are checked. */
const ANONYMOUS = "";

/** Reads the room out of a request's path, `/rooms/{room}` and below. */
export function readPlace(url: URL, config: Config): Result<Place> {
  // From the raw path: a router may decode a segment twice.
  const segment = url.pathname.split("/")[2] ?? "";
  const room = decodeRoomName(segment);
  if (!room.ok) return room;
  const kind = config.kinds.get(kindOf(room.value));
  if (kind === undefined) {
    const known = [...config.kinds.keys()].join(", ");
    return err({ code: "unknown_kind", message: `no kind "${kindOf(room.value)}" here; there are ${known}` });
  }
  return ok({ room: room.value, kind });
}

/** Admits a join: reads what the client asks for and derives who it is. Touches no room. */
export async function admit(
  place: Place,
  query: URLSearchParams,
  joiner: Joiner,
): Promise<Result<JoinRequest>> {
  const key = joiner.key ?? query.get("key") ?? randomKey();
  if (!isKey(key)) return err({ code: "bad_key" });
  const mode = query.get("mode") ?? "list";
  if (!isMode(mode)) return err({ code: "bad_request", message: "mode is list or count" });
  const rewind = query.get("rewind");
  if (rewind !== null && !/^\d{1,9}$/.test(rewind)) {
    return err({ code: "bad_request", message: "rewind is a number of messages" });
  }
  const presence = readPresence(query.get("presence"), place.kind);
  if (!presence.ok) return presence;
  const after = joiner.lastEventId ?? query.get("after") ?? undefined;
  return ok({
    v: CONTRACT_VERSION,
    ...(await deriveIdentity(place.room, ANONYMOUS, key)),
    key,
    user: ANONYMOUS,
    dialect: joiner.dialect,
    mode,
    ...(after !== undefined && after !== "" && { after }),
    ...(rewind !== null && { rewind: Number(rewind) }),
    ...(presence.value !== undefined && { presence: presence.value }),
  });
}

/** Who acts with a session's header: the member, if session and key belong to this room. */
export async function identify(
  place: Place,
  session: string,
  key: string,
): Promise<Result<{ member: string; user: string }>> {
  const identity = await deriveIdentity(place.room, ANONYMOUS, key);
  if (identity.session !== session) return err({ code: "bad_session" });
  return ok({ member: identity.member, user: ANONYMOUS });
}

/** Reads which messages a request for history asks for. */
export function readRange(query: URLSearchParams): Result<HistoryRange> {
  const [after, before, limit] = ["after", "before", "limit"].map((name) => query.get(name) ?? undefined);
  for (const number of [after, before, limit]) {
    if (number !== undefined && !/^\d{1,15}$/.test(number)) {
      return err({ code: "bad_request", message: "after and before are offsets, limit is a number" });
    }
  }
  const count = limit === undefined ? HISTORY_LIMIT.default : Number(limit);
  if (count < 1 || count > HISTORY_LIMIT.max) {
    return err({ code: "bad_request", message: `limit is 1 to ${HISTORY_LIMIT.max}` });
  }
  return ok({
    limit: count,
    ...(after !== undefined && { after: Number(after) }),
    ...(before !== undefined && { before: Number(before) }),
  });
}

function readPresence(text: string | null, kind: Kind): Result<string | undefined> {
  if (text === null) return ok(undefined);
  const data = parseJson(text);
  if (data === undefined) return err({ code: "bad_request", message: "presence is not JSON" });
  const written = JSON.stringify(data);
  if (utf8Length(written) <= kind.maxPresenceBytes) return ok(written);
  const message = `presence data is larger than the ${kind.maxPresenceBytes} bytes the room takes`;
  return err({ code: "presence_too_large", message, limit: "maxPresenceBytes" });
}

function isMode(text: string): text is PresenceMode {
  return text === "list" || text === "count";
}
