import { CLOSE_CODES } from "../protocol/close-codes.ts";
import { encodeFrame, errorFrame } from "../protocol/encode.ts";
import { closeOf, type WireError } from "../protocol/errors.ts";
import { SUBPROTOCOL } from "../protocol/version.ts";
import { countRefusal } from "./edge-counts.ts";

/** What a client says in `Sec-WebSocket-Protocol`, where browsers can put a secret that stays out of URLs and logs. */
export interface Offer {
  /** The subprotocol to answer with; `undefined` when the client offered none. */
  readonly echo: string | undefined;
  /** Whether the client speaks what is spoken here; so does one that offers nothing. */
  readonly isSpoken: boolean;
  readonly key: string | undefined;
  readonly token: string | undefined;
}

const KEY_PREFIX = "resume.";
const TOKEN_PREFIX = "bearer.";

/** Whether a request asks for a WebSocket. */
export function isUpgrade(request: Request): boolean {
  return request.headers.get("Upgrade")?.toLowerCase() === "websocket";
}

/** Reads the subprotocols that a client offers. Secrets among them are never echoed. */
export function readOffer(header: string | null): Offer {
  if (header === null) return { echo: undefined, isSpoken: true, key: undefined, token: undefined };
  const offered = header.split(",").map((name) => name.trim());
  const isSecret = (name: string): boolean => name.startsWith(KEY_PREFIX) || name.startsWith(TOKEN_PREFIX);
  const secret = (prefix: string): string | undefined =>
    offered.find((name) => name.startsWith(prefix))?.slice(prefix.length);
  const isSpoken = offered.includes(SUBPROTOCOL);
  return {
    // A browser drops a connection that answers none of its offers, and then its user would never see why.
    echo: isSpoken ? SUBPROTOCOL : offered.find((name) => name !== "" && !isSecret(name)),
    isSpoken,
    key: secret(KEY_PREFIX),
    token: secret(TOKEN_PREFIX),
  };
}

/**
 * Refuses an upgrade in a way that a browser can see: the socket opens, says why, and closes. A plain HTTP refusal
 * would reach a page as nothing but 1006.
 */
export function refuseUpgrade(error: WireError, echo: string | undefined): Response {
  countRefusal(error);
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.send(encodeFrame(errorFrame(error)));
  const { code, text } = CLOSE_CODES[closeOf(error.code)];
  server.close(code, text);
  const headers = new Headers(echo === undefined ? {} : { "Sec-WebSocket-Protocol": echo });
  return new Response(null, { status: 101, webSocket: client, headers });
}
