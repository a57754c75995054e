import type { TransportName } from "../../client/index.ts";
import { drawRoomName } from "./names.ts";

/** The parts of the page's address: the room, and the transport if the user has chosen one. */
export interface Address {
  readonly room: string;
  readonly transport: TransportChoice;
}

/** A transport, or `auto` for the first that works. */
export type TransportChoice = "auto" | TransportName;

/** Reads the address. If it names no room, draws a name for a new one, and writes it to the address bar. */
export function readAddress(): Address {
  const { searchParams } = new URL(location.href);
  const transport = asTransportChoice(searchParams.get("transport"));
  const room = searchParams.get("room") ?? "";
  if (room !== "") return { room, transport };
  const address = { room: drawRoomName(), transport };
  writeAddress(address);
  return address;
}

/** Replaces the address in the address bar. */
export function writeAddress(address: Address): void {
  history.replaceState(null, "", pageOf(address));
}

/** The link to share. It contains the room and not the transport, which each user chooses. */
export function shareLink(room: string): string {
  return new URL(pageOf({ room, transport: "auto" }), location.href).href;
}

/** The room's address for the client. */
export function roomUrl(room: string): string {
  return new URL(`/rooms/${encodeURIComponent(room)}`, location.href).href;
}

/** Reads the name of a transport. Anything else means `auto`. */
export function asTransportChoice(text: string | null): TransportChoice {
  return text === "websocket" || text === "sse" || text === "long-poll" ? text : "auto";
}

function pageOf({ room, transport }: Address): string {
  // A colon needs no encoding in a query, and is easier to read.
  const query = `room=${encodeURIComponent(room).replaceAll("%3A", ":")}`;
  return transport === "auto" ? `/?${query}` : `/?${query}&transport=${transport}`;
}
