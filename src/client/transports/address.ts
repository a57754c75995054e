import type { Target } from "./transport.ts";

// Addresses are assembled as strings, because React Native's URL has no setters, and its search parameters cannot be set.

/**
 * Reads a room's address, `https://host/rooms/lobby`. In a browser it may be relative to the page.
 *
 * @returns the address with the scheme http or https, and without a hash
 * @throws TypeError for text that is not an address, and for a scheme other than http, https, ws and wss
 */
export function roomAddress(url: string | URL): string {
  let text = String(url);
  // Only a relative address needs URL. React Native's appends a slash, even behind a query.
  const base = globalThis.location?.href;
  if (base !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(text)) text = new URL(text, base).href;
  const [, kind, rest = "", query = ""] = /^(https?|wss?):\/\/([^?#]+)(\?[^#]*)?/i.exec(text) ?? [];
  if (kind === undefined)
    throw new TypeError(
      `url ${JSON.stringify(text.slice(0, 64))} must be the http(s) or ws(s) address of a room`,
    );
  return `${kind.toLowerCase().replace("ws", "http")}://${rest.replace(/\/+$/, "")}${query}`;
}

/** The URL to join over WebSocket. It does not contain the key, which is a subprotocol and so does not appear in logs. */
export function socketUrl(target: Target): string {
  return joinUrl(target, "", { flow: 1 }).replace("http", "ws");
}

/** The URL to join over Server-Sent Events. */
export function eventsUrl(target: Target): string {
  return joinUrl(target, "/events", { key: target.key });
}

/** The URL of a poll that waits for up to `waitS` seconds. */
export function pollUrl(target: Target, waitS: number): string {
  return joinUrl(target, "/poll", { key: target.key, wait: waitS });
}

/** The URL for acts by POST. */
export function messagesUrl({ room }: Target): string {
  return below(room, "/messages", "");
}

/** A URL below a room's address. It keeps the query of the room's address. */
function below(room: string, path: string, query: string): string {
  const [base = "", ownQuery = ""] = room.split(/\?(.*)/s);
  const whole = [ownQuery, query].filter((part) => part !== "").join("&");
  return `${base}${path}${whole === "" ? "" : `?${whole}`}`;
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

/** Encodes a value. Replaces lone surrogates, which cannot be encoded. A position that the server did not issue may have one. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, "\ufffd"));
}
