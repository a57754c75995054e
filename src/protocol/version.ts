/**
 * The wire protocol's version, told in `welcome.protocol`. It rises when an old client could no longer be served.
 *
 * - 1: native JSON: recorded and volatile messages, presence, resume by position, WebSocket and SSE.
 */
export const PROTOCOL_VERSION = 1;

/** The WebSocket subprotocol of the native JSON dialect, the only one ever echoed to a client. */
export const SUBPROTOCOL = "parlor.v1";
