import { waitUntil } from "cloudflare:workers";

import { CLOSE_CODES } from "../../protocol/close-codes.ts";
import {
  CREATED_HEADER,
  JOIN_HEADER,
  decodeRefusal,
  encodeJoin,
  type JoinRequest,
} from "../../protocol/contract.ts";
import { err, ok, type Result } from "../../protocol/result.ts";
import type { RoomReference } from "../admission/room-reference.ts";
import type { ClientLocation } from "./location.ts";
import { callRoom, type Rooms } from "./rooms.ts";

/** The room's end of a join: its 101, to be passed on untouched, and the socket in it. */
export interface Joined {
  readonly response: Response;
  readonly socket: WebSocket;
  /** Whether nobody had joined the room before. */
  readonly isFirst: boolean;
}

/** The client's request behind a join. */
export interface JoinedBy {
  /** Where the client is. */
  readonly at: ClientLocation | undefined;
  /** The room's response to the client. */
  readonly subprotocol: string | undefined;
  /** Aborted when the client disconnects before it has an answer. */
  readonly signal: AbortSignal;
}

/**
 * Opens a socket to the room for an admitted join. The request to the room is built anew, so nothing of the client's
 * reaches it but what was admitted.
 *
 * A client may disconnect while the room answers. By then the room has accepted it, and receives no event: the runtime drops
 * a socket that nobody took over without closing it (workerd 1.20261117). So the call to the room continues after the
 * client's request has been cancelled, and its socket is closed here.
 */
export async function openSocket(
  rooms: Rooms,
  reference: RoomReference,
  join: JoinRequest,
  { at, subprotocol, signal }: JoinedBy,
): Promise<Result<Joined>> {
  const headers = {
    Upgrade: "websocket",
    [JOIN_HEADER]: encodeJoin(join),
    ...(subprotocol !== undefined && { "Sec-WebSocket-Protocol": subprotocol }),
  };
  // A join twice is a join: the newer socket replaces the older.
  const call = callRoom(
    () => rooms.forJoin(reference.room, reference.kind, at).fetch(ROOM_URL, { headers }),
    {
      mayRepeat: true,
    },
  );
  waitUntil(call);
  const called = await call;
  if (!called.ok) return called;
  const response = called.value;
  const socket = response.webSocket;
  if (socket === null) return err(decodeRefusal(await response.text()));
  if (signal.aborted) closeUnused(socket);
  else signal.addEventListener("abort", () => closeUnused(socket), { once: true });
  return ok({ response, socket, isFirst: response.headers.has(CREATED_HEADER) });
}

/** Closes the room's end of a join, unless it is in use. Its user closes it then. */
function closeUnused(socket: WebSocket): void {
  try {
    socket.accept();
    socket.close(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
  } catch {
    // It has been passed on to the client.
  }
}

/** A request needs an address; a room looks at the header alone. */
const ROOM_URL = "https://room/";
