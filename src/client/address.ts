import type { Target } from "./transport.ts";

/**
 * Reads a room's address, `https://host/rooms/lobby`. In a browser it may be relative to the page.
 *
 * @throws TypeError for what is no URL, or has a scheme other than http, https, ws and wss
 */
export function roomAddress(url: string | URL): URL {
  const address = new URL(url, globalThis.location?.href);
  if (!/^(http|ws)s?:$/.test(address.protocol)) {
    throw new TypeError(`not a room's address: ${address.href}`);
  }
  address.protocol = address.protocol.replace("ws", "http");
  address.pathname = address.pathname.replace(/\/+$/, "");
  address.hash = "";
  return address;
}

/** Where to join over WebSocket. The key is not in it: it travels as a subprotocol, and so stays out of logs. */
export function socketUrl(target: Target): string {
  const url = joinUrl(target, "");
  url.searchParams.set("flow", "1");
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Where to join over Server-Sent Events. */
export function eventsUrl(target: Target): string {
  const url = joinUrl(target, "/events");
  url.searchParams.set("key", target.key);
  return url.href;
}

/** Where to act by POST. */
export function messagesUrl({ room }: Target): string {
  return below(room, "/messages").href;
}

/** The address of what lies below a room; a query of the room's own address is kept. */
function below(room: URL, path: string): URL {
  const url = new URL(room);
  url.pathname += path;
  return url;
}

function joinUrl(target: Target, path: string): URL {
  const { room, attempt, after, rewind, presence, mode, roster, state, view } = target;
  const url = below(room, path);
  const query = {
    try: attempt,
    mode: mode === "count" ? mode : undefined,
    after,
    rewind: after === undefined ? rewind : undefined,
    presence,
    roster,
    state: state === true ? 1 : undefined,
    view: view === true ? 1 : undefined,
  };
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}
