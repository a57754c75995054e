import type { Target } from "./transport.ts";

// Addresses are assembled as strings, because React Native's URL has no setters, and its search parameters cannot be set.

/**
 * Reads a room's address, `https://host/rooms/lobby`. In a browser it may be relative to the page.
 *
 * @returns it with the scheme http or https, and without a hash
 * @throws TypeError for what is no URL, or has a scheme other than http, https, ws and wss
 */
export function roomAddress(url: string | URL): string {
  let text = String(url);
  // An absolute address stays as it is, because React Native's URL appends a slash, even behind a query.
  const { href } = new URL(text, globalThis.location?.href);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) text = href;
  const [, kind, rest = "", query = ""] = /^(https?|wss?):\/\/([^?#]+)(\?[^#]*)?/i.exec(text) ?? [];
  if (kind === undefined)
    throw new TypeError(
      `url ${JSON.stringify(text.slice(0, 64))} must be an http, https, ws or wss address of a room`,
    );
  return `${kind.toLowerCase().replace("ws", "http")}://${rest.replace(/\/+$/, "")}${query}`;
}

/** Where to join over WebSocket. The key is not in it: it travels as a subprotocol, and so stays out of logs. */
export function socketUrl(target: Target): string {
  return joinUrl(target, "", { flow: 1 }).replace("http", "ws");
}

/** Where to join over Server-Sent Events. */
export function eventsUrl(target: Target): string {
  return joinUrl(target, "/events", { key: target.key });
}

/** Where to act by POST. */
export function messagesUrl({ room }: Target): string {
  return below(room, "/messages", "");
}

/** The address of what lies below a room; a query of the room's own address is kept. */
function below(room: string, path: string, query: string): string {
  const [place = "", own = ""] = room.split(/\?(.*)/s);
  const whole = [own, query].filter((part) => part !== "").join("&");
  return `${place}${path}${whole === "" ? "" : `?${whole}`}`;
}

function joinUrl(target: Target, path: string, last: Readonly<Record<string, string | number>>): string {
  const { room, attempt, after, rewind, presence, mode, roster, state, view } = target;
  const query = Object.entries({
    try: attempt,
    mode: mode === "count" ? mode : undefined,
    after,
    rewind: after === undefined ? rewind : undefined,
    presence,
    roster,
    state: state === true ? 1 : undefined,
    view: view === true ? 1 : undefined,
    ...last,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encoded(String(value))}`]));
  return below(room, path, query.join("&"));
}

/** Half a surrogate pair, which a position from elsewhere than the server may contain, cannot be encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, "\ufffd"));
}
