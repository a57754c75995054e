import type { ErrorCode, WireError } from "../../protocol/errors.ts";
import { readsEvents, refuseEvents } from "../../transports/sse.ts";
import { errorResponse } from "../../transports/upstream.ts";
import { isUpgrade, readOffer, refuseUpgrade } from "../../transports/websocket.ts";
import { hasTokenInUrl } from "../admission/authentication.ts";

/** Errors that an upgrade receives as a plain status, which a page cannot read, because there may be very many of them. */
const PLAIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["unavailable", "rate_limited", "room_busy"]);

/** Refuses in the transport of the request, so that a page can read the error. */
export function refuseReadably(request: Request, error: WireError, sseRetryMs: number): Response {
  if (isUpgrade(request)) {
    return refuseUpgrade(error, readOffer(request.headers.get("Sec-WebSocket-Protocol")).echo);
  }
  if (!readsEvents(request)) return errorResponse(error);
  return refuseEvents(error, sseRetryMs, { canRenew: !hasTokenInUrl(request) });
}

/** Refuses like {@link refuseReadably}, but floods and overloads of upgrades as cheaply as possible. */
export function refuse(request: Request, error: WireError, sseRetryMs: number): Response {
  return isUpgrade(request) && PLAIN_REFUSALS.has(error.code)
    ? errorResponse(error)
    : refuseReadably(request, error, sseRetryMs);
}
