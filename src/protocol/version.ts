/**
 * The wire protocol's version, told in `welcome.protocol`. It rises when an old client could no longer be served.
 *
 * - 1: native JSON: recorded and volatile messages, presence, resume by position, WebSocket and SSE.
 */
export const PROTOCOL_VERSION = 1;

/** The WebSocket subprotocol of the native JSON dialect. */
export const SUBPROTOCOL = "parlor.v1";

/** The WebSocket subprotocol of the binary dialect. No other than these two is ever spoken. */
export const PROTO_SUBPROTOCOL = "parlor.v1.proto";
