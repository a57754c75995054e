/** Close codes of a client that leaves: a normal close, with or without a code. */
const LEAVING = new Set([1000, 1005]);

/** Whether a close code means that the client leaves, so that its member gets no grace period. */
export function isLeaving(code: number): boolean {
  return LEAVING.has(code);
}

/** Close codes that stand for the absence of a close frame and cannot be sent (RFC 6455 section 7.4.1). */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);

/**
 * Completes the close handshake. The runtime does not answer a close of a hibernatable socket, whatever the value of
 * `web_socket_auto_reply_to_close` (workerd 1.20261023). A client that gets no answer reports 1006.
 */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  if (code === 1006) return; // The connection was lost without a close frame.
  try {
    socket.close(UNSENDABLE.has(code) ? 1000 : code, reason);
  } catch {
    // The room had already closed the socket.
  }
}
