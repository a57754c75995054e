import { CLOSE_CODES } from "../protocol/close-codes.ts";
import type { DialectName } from "../protocol/contract.ts";
import { DIALECTS } from "../protocol/dialects.ts";
import { encodeFrame, errorFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import { closeOf } from "../protocol/refusals.ts";
import { countRefusal } from "./edge-counts.ts";

/** A client's `Sec-WebSocket-Protocol`. Browsers can send a secret in it, which keeps the secret out of URLs and logs. */
export interface Offer {
  /** The subprotocol of the response, or `undefined` if the client offers none. */
  readonly echo: string | undefined;
  /** Whether the server supports one of the offered subprotocols. It also accepts a client that offers none. */
  readonly isSpoken: boolean;
  /** The dialect of the connection: of the first supported subprotocol, or JSON. */
  readonly dialect: DialectName;
  readonly key: string | undefined;
  /** The attempt number, as the client wrote it behind its key. */
  readonly attempt: string | undefined;
  readonly token: string | undefined;
}

/** The dialects that clients can ask for, by their subprotocols. */
const DIALECT_OF: ReadonlyMap<string, DialectName> = new Map(
  (Object.keys(DIALECTS) as DialectName[]).map((name) => [DIALECTS[name].subprotocol, name]),
);

const KEY_PREFIX = "resume.";
const TOKEN_PREFIX = "bearer.";

/** Whether a request asks for a WebSocket. */
export function isUpgrade(request: Request): boolean {
  return request.headers.get("Upgrade")?.toLowerCase() === "websocket";
}

/** Reads the subprotocols that a client offers. Secrets among them are never echoed. */
export function readOffer(header: string | null): Offer {
  const offered = (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (offered.length === 0) {
    const nothing = { key: undefined, attempt: undefined, token: undefined };
    return { echo: undefined, isSpoken: true, dialect: "json", ...nothing };
  }
  const isSecret = (name: string): boolean => name.startsWith(KEY_PREFIX) || name.startsWith(TOKEN_PREFIX);
  const secret = (prefix: string): string | undefined =>
    offered.find((name) => name.startsWith(prefix))?.slice(prefix.length);
  const spoken = offered.find((name) => DIALECT_OF.has(name));
  // `resume.<key>` or `resume.<key>.<try>`: a key contains no dot.
  const [key, ...attempt] = secret(KEY_PREFIX)?.split(".") ?? [];
  return {
    // A browser drops a connection whose response names none of its offers, and then the page would never read the error.
    echo: spoken ?? offered.find((name) => !isSecret(name)),
    isSpoken: spoken !== undefined,
    dialect: DIALECT_OF.get(spoken ?? "") ?? "json",
    key,
    attempt: attempt.length === 0 ? undefined : attempt.join("."),
    token: secret(TOKEN_PREFIX),
  };
}

/**
 * Refuses an upgrade in a way that a page can read: the socket opens, sends the error, and closes. After a plain HTTP error
 * a page would only receive close code 1006.
 */
export function refuseUpgrade(error: WireError, echo: string | undefined): Response {
  countRefusal(error);
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const dialect = DIALECTS[DIALECT_OF.get(echo ?? "") ?? "json"];
  server.send(dialect.write(encodeFrame(errorFrame(error)), true));
  const { code, text } = CLOSE_CODES[closeOf(error)];
  server.close(code, text);
  const headers = new Headers(echo === undefined ? {} : { "Sec-WebSocket-Protocol": echo });
  return new Response(null, { status: 101, webSocket: client, headers });
}
