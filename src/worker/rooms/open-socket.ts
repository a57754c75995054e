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

/** The room's response to a join: a 101, which must be passed on unchanged, and its socket. */
export interface Joined {
  readonly response: Response;
  readonly socket: WebSocket;
  /** Whether this is the first join that the room has ever accepted. */
  readonly isFirst: boolean;
}

/** The client's request behind a join. */
export interface JoinedBy {
  /** The client's location. */
  readonly at: ClientLocation | undefined;
  /** The subprotocol that the room's response names. */
  readonly subprotocol: string | undefined;
  /** Aborted if the client disconnects before it receives a response. */
  readonly signal: AbortSignal;
}

/**
 * Opens a socket to the room for an admitted join. This builds a new request, so that only the admitted data of the client
 * reaches the room.
 *
 * A client may disconnect while the room accepts it. The room receives no event then, because the runtime drops an unused
 * socket without closing it (workerd 1.20261117). So the call to the room continues after the client's request has been
 * cancelled, and this function closes the socket.
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
  // A repeated join is harmless, because the newer socket replaces the older one.
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

/** Closes the socket of a join, unless it is in use. */
function closeUnused(socket: WebSocket): void {
  try {
    socket.accept();
    socket.close(CLOSE_CODES.silent.code, CLOSE_CODES.silent.text);
  } catch {
    // It has been passed on to the client or to a bridge, which closes it.
  }
}

/** A request needs a URL, but the room reads only the header. */
const ROOM_URL = "https://room/";
