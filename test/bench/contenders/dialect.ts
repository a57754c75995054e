/** Who a connection is, and what it has learned that lets it come back. */
export interface Identity {
  /** 22 characters of base64url, drawn by the client. */
  readonly key: string;
  /** What the server knows it by. */
  pass?: string;
  /** How far it has read. */
  place?: string;
}

/** How the clients of one kind of server speak: all that the generator must know of it. */
export interface Dialect {
  /** The path that joins a room. */
  path(room: string, who: Identity): string;
  /** The subprotocol to offer; absent for none. What is binary is read as Latin-1, a character for each byte. */
  readonly subprotocol?: string;
  /** What the client says first, once the line is open. */
  hello?(who: Identity): string;
  /** Whether a text is the server's welcome; absent where an open line is all there is. */
  isWelcome?(text: string): boolean;
  /**
   * The text that publishes some data.
   *
   * @param ref positive, and another one for each message of a connection
   */
  publish(json: string, ref: number): string;
  /** What has to be answered to a text that is no message, if anything. */
  answer?(text: string): string | undefined;
  /** Whether a text that is no message says that something was refused. */
  isRefusal?(text: string): boolean;
  /** Takes from a text what the connection needs to come back; absent where nobody can come back. */
  learn?(who: Identity, text: string): void;
  /** What tells the server how many characters were read; absent where servers do not ask. */
  seen?(chars: number): string;
}

/** Clients that say what they read do so after as much as this: a quarter of Parlor's window (rule L5). */
export const SEEN_EVERY_CHARS = 65_536;
