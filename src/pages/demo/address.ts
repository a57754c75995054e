import { drawRoomName } from "./names.ts";

/** What the page's address says: which room, and over which transport if one is forced. */
export interface Address {
  readonly room: string;
  readonly transport: TransportChoice;
}

/** A transport, or `auto` for the first that works. */
export type TransportChoice = "auto" | "websocket" | "sse";

/** Reads the address; one without a room gets a new room's name, in the address bar too. */
export function readAddress(): Address {
  const { searchParams } = new URL(location.href);
  const transport = asTransportChoice(searchParams.get("transport"));
  const room = searchParams.get("room") ?? "";
  if (room !== "") return { room, transport };
  const address = { room: drawRoomName(), transport };
  writeAddress(address);
  return address;
}

/** Shows an address in the address bar, in place of the present one. */
export function writeAddress(address: Address): void {
  history.replaceState(null, "", pageOf(address));
}

/** The link to give to others: the room alone, for how one is connected is one's own business. */
export function shareLink(room: string): string {
  return new URL(pageOf({ room, transport: "auto" }), location.href).href;
}

/** The room's own address, for the SDK. */
export function roomUrl(room: string): string {
  return new URL(`/rooms/${encodeURIComponent(room)}`, location.href).href;
}

/** Reads a transport's name; what is none means `auto`. */
export function asTransportChoice(text: string | null): TransportChoice {
  return text === "websocket" || text === "sse" ? text : "auto";
}

function pageOf({ room, transport }: Address): string {
  // A colon may stand in a query as it is, and reads better.
  const query = `room=${encodeURIComponent(room).replaceAll("%3A", ":")}`;
  return transport === "auto" ? `/?${query}` : `/?${query}&transport=${transport}`;
}
