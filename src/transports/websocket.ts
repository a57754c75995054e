import { CLOSE_CODES } from "../protocol/close-codes.ts";
import type { DialectName } from "../protocol/contract.ts";
import { DIALECTS } from "../protocol/dialects.ts";
import { encodeFrame, errorFrame } from "../protocol/encode.ts";
import type { WireError } from "../protocol/errors.ts";
import { closeOf } from "../protocol/refusals.ts";
import { countRefusal } from "./edge-counts.ts";

/** What a client says in `Sec-WebSocket-Protocol`, where browsers can put a secret that stays out of URLs and logs. */
export interface Offer {
  /** The subprotocol to answer with; `undefined` when the client offered none. */
  readonly echo: string | undefined;
  /** Whether the client speaks what is spoken here; so does one that offers nothing. */
  readonly isSpoken: boolean;
  /** What the connection is to speak: of those offered the first that is spoken here. */
  readonly dialect: DialectName;
  readonly key: string | undefined;
  /** The number of the attempt, as the client wrote it behind its key. */
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
    // A browser drops a connection that answers none of its offers, and then its user would never see why.
    echo: spoken ?? offered.find((name) => !isSecret(name)),
    isSpoken: spoken !== undefined,
    dialect: DIALECT_OF.get(spoken ?? "") ?? "json",
    key,
    attempt: attempt.length === 0 ? undefined : attempt.join("."),
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
  const dialect = DIALECTS[DIALECT_OF.get(echo ?? "") ?? "json"];
  server.send(dialect.write(encodeFrame(errorFrame(error)), true));
  const { code, text } = CLOSE_CODES[closeOf(error)];
  server.close(code, text);
  const headers = new Headers(echo === undefined ? {} : { "Sec-WebSocket-Protocol": echo });
  return new Response(null, { status: 101, webSocket: client, headers });
}
