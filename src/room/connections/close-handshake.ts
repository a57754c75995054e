/** Close codes by which a client says that it leaves: a normal close, with its code or without one. */
const LEAVING = new Set([1000, 1005]);

/** Whether a close code says that the client leaves, and is not lost. */
export function isLeaving(code: number): boolean {
  return LEAVING.has(code);
}

/** Close codes that stand for the absence of a close frame and cannot be sent (RFC 6455 section 7.4.1). */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);

/**
 * Completes the close handshake: the runtime does not answer for hibernatable sockets (workerd 1.20261023, whatever
 * `web_socket_auto_reply_to_close` says), and a peer that gets no answer reports 1006.
 */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  if (code === 1006) return; // No close frame came: the connection is gone.
  try {
    socket.close(UNSENDABLE.has(code) ? 1000 : code, reason);
  } catch {
    // The room had closed it first.
  }
}
