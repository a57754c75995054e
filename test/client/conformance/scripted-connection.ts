/** The client's end of a connection whose other end the test plays. */
export interface ScriptedConnection {
  /** The query with which the client joined. */
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  /** What the client sent and the test has not taken yet: parsed items, or text that is not JSON. */
  readonly sent: unknown[];
  /** The code with which the client closed the connection; `undefined` if it has not, or cannot send a code. */
  readonly closedWith: number | undefined;
  /** The server sends frames together. */
  deliver(frames: readonly object[]): void;
  /** The connection ends with a close of the server. Codes below 4000 stand for a failure of the network. */
  end(code: number): void;
}
