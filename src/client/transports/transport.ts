import type { PresenceMode } from "../../protocol/contract.ts";
import type { ServerFrame } from "../../protocol/frames.ts";

/** The ways into a room. */
export type TransportName = "websocket" | "sse";

/** Where to join, and as whom. */
export interface Target {
  /** The room's address ({@link roomAddress}). */
  readonly room: string;
  readonly key: string;
  /** The number of this attempt (rule J11). */
  readonly attempt: number;
  /** The position to go on from. */
  readonly after?: string | undefined;
  /** How many of the newest messages to ask for where there is no position. */
  readonly rewind?: number | undefined;
  /** Presence data, JSON text. */
  readonly presence?: string | undefined;
  readonly mode: PresenceMode;
  /** The revision of the list of members that is known. */
  readonly roster?: string | undefined;
  /** Whether to be told the shared state in any case: none is known. */
  readonly state?: boolean | undefined;
  /** Whether only to watch. */
  readonly view?: boolean | undefined;
  /** The token to join with; drawn anew for each attempt. */
  readonly token?: string | undefined;
}

/** Acts that go out together: one frame as of rule F1. */
export interface Batch {
  readonly text: string;
  /** The ref of each item; `undefined` for a volatile message. */
  readonly refs: readonly (number | undefined)[];
  /** Identifies the client in POSTs: `<session>.<key>.<try>` of the welcome; without `.<try>` if the server sends none. */
  readonly authority: string;
}

/** How a connection ended. */
export interface TransportEnd {
  /** A close code; 1006 where there was none. */
  readonly code: number;
  readonly reason: string;
  /** How long the server asked to stay away, in milliseconds (`retry:`). */
  readonly retryMs?: number | undefined;
}

/** Who is told what a connection brings; never before its {@link Dialer} has returned. */
export interface TransportListener {
  /**
   * Frames came.
   *
   * @param position what reading them brings the client to, where the transport says so
   * @param chars how much they count towards the window of rules L5 and B7, in UTF-16 units or bytes; 0 if absent
   */
  onFrames(frames: readonly ServerFrame[], position?: string, chars?: number): void;
  /** A sign of life came that is no frame. */
  onHeard(): void;
  /** What was sent last is answered; {@link Transport.isBusy} may be false now. */
  onReady(): void;
  /** The connection is over, or was never had. */
  onEnd(end: TransportEnd): void;
}

/** One connection to a room, from its dialling to its end. */
export interface Transport {
  /** Whether what is sent now would have to wait behind what was sent before. */
  readonly isBusy: boolean;
  /** The bytes of a frame, given as JSON text, on the wire; absent, or `undefined`, if it is sent as text. */
  sizeOf?(text: string): number | undefined;
  send(batch: Batch): void;
  /** Goes on with a new token. */
  renew(token: string, authority: string): void;
  /** Asks for a sign of life; does nothing where the server gives them unasked. */
  ping(): void;
  /** Ends the membership. Resolves when the room has heard of it, or cannot; {@link close} resolves it too. */
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
