import type { MessageFrame, WelcomeFrame } from "../../protocol/frames.ts";
import type { Json } from "../../protocol/json.ts";
import type { StateChange } from "../connection/connection.ts";
import type { ParlorError } from "../error.ts";
import type { PresenceChange } from "./members.ts";
import type { SharedChange } from "./shared-state.ts";

/**
 * What a member said. A recorded message has an `offset`, a volatile one has none; `time` is Unix milliseconds. One that
 * is for some members only has `to`, their ids. One that carries raw `bytes` has null as its data.
 */
export type RoomMessage = Omit<MessageFrame, "type" | "data" | "bytes"> & {
  readonly data: Json;
  readonly bytes?: Uint8Array | undefined;
};

/**
 * The room was joined, for the first time or again: what its welcome says.
 *
 * `recovered` tells whether everything since the position that this client came with follows, in order; it is
 * `undefined` if it came with none. After `false`, for which there is a `reason`, something may have been missed for
 * good: fetch again what was built from messages. `position` is where this client stands, the start of what follows,
 * and `head` the end of the room's log. `history` is `durable`, `memory` or `none`: whether messages are stored, kept while
 * the room is awake, or not kept. `time` is the server's, Unix milliseconds; `member` is the id of this client.
 */
export type Welcomed = Pick<
  WelcomeFrame,
  | "recovered"
  | "reason"
  | "position"
  | "head"
  | "member"
  | "user"
  | "viewOnly"
  | "mode"
  | "time"
  | "limits"
  | "history"
>;

/** How a room came to its end; `error` is `undefined` after {@link Room.close} and {@link Room.leave}. */
export type Closed = Pick<StateChange, "reason" | "code" | "error">;

/** What a room tells, by the name to give to {@link Room.on}. */
export interface RoomEvents {
  /** Someone said something. Recorded messages come in order and never twice; own volatile ones are left out. */
  readonly message: RoomMessage;
  /** Who is here has changed; after a join, against what was known before it. */
  readonly presence: PresenceChange;
  /** The shared state has changed; after a join that did not recover what came before, against what was known. */
  readonly shared: SharedChange;
  /** The state of the connection changed, or another attempt failed. */
  readonly state: StateChange;
  readonly welcome: Welcomed;
  /** The server refused something that has no promise to reject, or sent what cannot be understood. */
  readonly error: ParlorError;
  /** The room is closed for good. */
  readonly closed: Closed;
}
