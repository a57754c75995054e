import type { PresenceMode } from "../../protocol/contract.ts";
import type { ServerFrame } from "../../protocol/frames.ts";

/** The names of the transports. */
export type TransportName = "websocket" | "sse" | "long-poll";

/** The room to join, and the parameters of the join. */
export interface Target {
  /** The room's address ({@link roomAddress}). */
  readonly room: string;
  readonly key: string;
  /** The number of this attempt (rule J11). */
  readonly attempt: number;
  /** The position to resume from. */
  readonly after?: string | undefined;
  /** How many of the newest messages to request if there is no position. */
  readonly rewind?: number | undefined;
  /** Presence data as JSON text. */
  readonly presence?: string | undefined;
  readonly mode: PresenceMode;
  /** The revision of the member list that the client has. */
  readonly roster?: string | undefined;
  /** Whether to request the shared state, because the client has none. */
  readonly state?: boolean | undefined;
  /** Whether to watch only. */
  readonly view?: boolean | undefined;
  /** The token to join with, requested for each attempt. */
  readonly token?: string | undefined;
}

/** Acts that are sent together, in one frame (rule F1). */
export interface Batch {
  readonly text: string;
  /** The ref of each item; `undefined` for a volatile message. */
  readonly refs: readonly (number | undefined)[];
  /** Identifies the client in POSTs: `<session>.<key>.<try>` of the welcome; without `.<try>` if the server sends none. */
  readonly authority: string;
}

/** How a connection ended. */
export interface TransportEnd {
  /** The close code; 1006 if there was none. */
  readonly code: number;
  readonly reason: string;
  /** The reconnect delay that the server requests, in milliseconds (`retry:`). */
  readonly retryMs?: number | undefined;
  /** How long it carried nothing before the transport gave it up, in milliseconds. */
  readonly silentMs?: number | undefined;
}

/** Receives the events of a connection, never before its {@link Dialer} has returned. */
export interface TransportListener {
  /**
   * Frames arrived.
   *
   * @param position the client's position after these frames, if the transport reports it
   * @param chars what they count towards the flow-control window (rules L5, B7), in UTF-16 units or bytes; 0 if absent
   */
  onFrames(frames: readonly ServerFrame[], position?: string, chars?: number): void;
  /** Data arrived that is not a frame, for example a comment. */
  onActive(): void;
  /** The reply to the last batch arrived; {@link Transport.isBusy} may be false now. */
  onReady(): void;
  /** The connection ended, or could not be opened. */
  onEnd(end: TransportEnd): void;
}

/** One connection to a room. */
export interface Transport {
  /** Whether a batch that is sent now would have to wait for earlier ones. */
  readonly isBusy: boolean;
  /** The bytes of a frame, given as JSON text, on the wire; absent, or `undefined`, if it is sent as text. */
  sizeOf?(text: string): number | undefined;
  send(batch: Batch): void;
  /** Sends a new token, with which the connection continues. */
  renew(token: string, authority: string): void;
  /** Sends a ping. Does nothing if the server sends keep-alives without pings. */
  ping(): void;
  /** Ends the membership. Resolves when the room has processed it, when it cannot be reached, or on {@link close}. */
  leave(authority: string): Promise<void>;
  /**
   * Closes the connection. Later events of it are ignored.
   *
   * @param forGood whether the member also leaves, if the transport can express that
   */
  close(forGood: boolean): void;
}

/**
 * Starts a connection. Rejects if it cannot be started. Later failures are reported as events.
 *
 * @param isWanted whether the connection is still wanted; called before it is opened, because the target may take a while
 */
export type Dialer = (
  target: Target,
  listener: TransportListener,
  isWanted: () => boolean,
) => Promise<Transport>;
