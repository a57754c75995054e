import type { PresenceMode } from "../protocol/contract.ts";

/** The server's end of a connection, over either transport. */
export interface Channel {
  /** Sends a frame. The position is the client's after it has read the frame. */
  send(text: string, position: string): void;
  /** Ends the connection with a close. */
  close(code: number, reason: string): void;
  /** Ends the connection without a close, as a network failure does. */
  cut(): void;
}

/** The sender of acts: a session, over its connection or by POST. */
export interface Actor {
  readonly session: string;
  readonly member: string;
  /** "" for an anonymous member. */
  readonly user: string;
  /** The connection that an act by POST is for. */
  readonly attempt?: number | undefined;
}

/** A joined connection. */
export interface Connection extends Actor {
  readonly mode: PresenceMode;
  readonly viewOnly: boolean;
  readonly channel: Channel;
}
