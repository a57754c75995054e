import type { PresenceMode } from "../protocol/contract.ts";
import type { ServerFrame } from "../protocol/frames.ts";

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
  /** Who acts: `<session>.<key>.<try>`, all of the welcome; without the last if the server gives none. */
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

/** Who is told what a connection brings; never before its {@link Dial} has returned. */
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
  /** How many bytes a frame, which is JSON text, has as it travels; absent, or `undefined`, where it travels as text. */
  sizeOf?(text: string): number | undefined;
  send(batch: Batch): void;
  /** Goes on with a new token. */
  renew(token: string, authority: string): void;
  /** Asks for a sign of life; does nothing where the server gives them unasked. */
  ping(): void;
  /** Ends the membership. Resolves when the room has heard of it, or cannot; {@link close} resolves it too. */
  leave(authority: string): Promise<void>;
  /**
   * Hangs up. What is told after it means nothing.
   *
   * @param forGood whether the member leaves with it, as far as the transport can say so
   */
  close(forGood: boolean): void;
}

/**
 * Starts a connection. One that cannot even be started rejects; what goes wrong later is told.
 *
 * @param isWanted whether the connection still is: asked before it is opened, for the target may take a while to complete
 */
export type Dial = (
  target: Target,
  listener: TransportListener,
  isWanted: () => boolean,
) => Promise<Transport>;
