/** The identity of a connection, and what it needs to reconnect and resume. */
export interface Identity {
  /** 22 characters of base64url, drawn by the client. */
  readonly key: string;
  /** The server's id for it. */
  pass?: string;
  /** Its position. */
  place?: string;
}

/** The client protocol of one kind of server: everything that the generator needs to know. */
export interface Dialect {
  /** The path that joins a room. */
  path(room: string, who: Identity): string;
  /** The subprotocol to offer; absent for none. Binary frames are read as Latin-1, one character for each byte. */
  readonly subprotocol?: string;
  /** The first text that the client sends once the connection is open. */
  hello?(who: Identity): string;
  /** Whether a text is the server's welcome. Absent if an open connection is all there is. */
  isWelcome?(text: string): boolean;
  /**
   * Returns the text that publishes some data.
   *
   * @param ref positive, and different for each message of a connection
   */
  publish(json: string, ref: number): string;
  /** The reply to a text that is not a message, if it needs one. */
  answer?(text: string): string | undefined;
  /** Whether a text that is not a message reports a rejection. */
  isRefusal?(text: string): boolean;
  /** Takes from a text what the connection needs to resume. Absent if the server cannot resume. */
  learn?(who: Identity, text: string): void;
  /** The text that reports how many characters were read. Absent if the server has no flow control. */
  seen?(chars: number): string;
}

/** Clients with flow control report after reading this much: a quarter of Parlor's window (rule L5). */
export const SEEN_EVERY_CHARS = 65_536;
