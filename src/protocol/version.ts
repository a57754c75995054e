/**
 * The wire protocol's version, sent in `welcome.protocol`. It rises when a server can no longer serve an old client.
 *
 * - 1: native JSON: recorded and volatile messages, presence, resume by position, WebSocket and SSE.
 */
export const PROTOCOL_VERSION = 1;

/** The WebSocket subprotocol of the native JSON dialect. */
export const SUBPROTOCOL = "parlor.v1";

/** The WebSocket subprotocol of the binary dialect. The server supports only these two. */
export const PROTO_SUBPROTOCOL = "parlor.v1.proto";
