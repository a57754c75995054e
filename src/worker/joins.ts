import {
  CREATED_HEADER,
  JOIN_HEADER,
  decodeRefusal,
  encodeJoin,
  type JoinRequest,
} from "../protocol/contract.ts";
import { err, ok, type Result } from "../protocol/result.ts";
import type { Place } from "./admission.ts";
import type { ClientPlace } from "./location.ts";
import { callRoom, type Rooms } from "./rooms.ts";

/** The room's end of a join: its 101, to be passed on untouched, and the socket in it. */
export interface Joined {
  readonly response: Response;
  readonly socket: WebSocket;
  /** Whether nobody had joined the room before. */
  readonly isFirst: boolean;
}

/**
 * Opens a socket to the room for an admitted join. The request to the room is built anew, so nothing of the client's
 * reaches it but what was admitted.
 *
 * @param subprotocol what the room answers the client with
 */
export async function openSocket(
  rooms: Rooms,
  place: Place,
  join: JoinRequest,
  at: ClientPlace | undefined,
  subprotocol?: string,
): Promise<Result<Joined>> {
  const headers = {
    Upgrade: "websocket",
    [JOIN_HEADER]: encodeJoin(join),
    ...(subprotocol !== undefined && { "Sec-WebSocket-Protocol": subprotocol }),
  };
  // A join twice is a join: the newer socket replaces the older.
  const called = await callRoom(
    () => rooms.forJoin(place.room, place.kind, at).fetch(ROOM_URL, { headers }),
    {
      mayRepeat: true,
    },
  );
  if (!called.ok) return called;
  const response = called.value;
  const socket = response.webSocket;
  if (socket === null) return err(decodeRefusal(await response.text()));
  return ok({ response, socket, isFirst: response.headers.has(CREATED_HEADER) });
}

/** A request needs an address; a room looks at the header alone. */
const ROOM_URL = "https://room/";
