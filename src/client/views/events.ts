import type { AppTypes, EventName, MessageContent } from "../../protocol/app-types.ts";
import type { MessageFrame, WelcomeFrame } from "../../protocol/frames.ts";
import type { ConnectionStatus } from "../connection/connection.ts";
import type { ParlorError } from "../error.ts";
import type { PresenceChange } from "./members.ts";
import type { SharedChange } from "./shared-state.ts";

/**
 * A message of a member. A recorded message has an `offset`, a volatile one does not. `time` is in Unix milliseconds. A
 * message with addressees has their ids in `to`. A message with raw `bytes` has null as its data.
 *
 * @template App declares the events and the types of their data. A comparison of `event` then decides the type of `data`
 * @template Event the event of the message. @default any of them
 */
export type RoomMessage<
  App extends AppTypes = AppTypes,
  Event extends EventName<App> = EventName<App>,
> = MessageContent<App, Event> & Omit<MessageFrame, "type" | "event" | "data" | "bytes">;

/**
 * The contents of the room's welcome, after each join.
 *
 * `recovered` is true if all messages since this client's position follow, in order. It is `undefined` if the client joined
 * without a position. If it is false, there is a `reason`, and messages may be lost for this client: fetch again what you
 * built from messages. `position` is the position of this client, at which the following messages start, and `head` is the
 * end of the room's log. `history` is `durable`, `memory` or `none`: messages are stored, kept while the room is awake, or not
 * kept. `time` is the server's time in Unix milliseconds. `member` is the id of this client.
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

/** Why a room is closed; `error` is `undefined` after {@link Room.close} and {@link Room.leave}. */
export type Closed = Pick<ConnectionStatus, "reason" | "code" | "error" | "advice">;

/** The acts of this client whose outcome is not known yet. Volatile messages do not count. */
export interface Pending {
  /** 0 if everything is saved. */
  readonly count: number;
}

/** The events of a room, by the name to pass to {@link Room.on}. */
export interface RoomEvents<App extends AppTypes = AppTypes> {
  /** A message arrived. Recorded messages arrive in order and never twice. The client's own volatile messages do not. */
  readonly message: RoomMessage<App>;
  /** The members changed; after a join, compared with the members known before it. */
  readonly presence: PresenceChange<App>;
  /** The shared state changed; after a join that did not resume, compared with the state known before it. */
  readonly shared: SharedChange<App>;
  /** The connection changed: the value of {@link Room.connection}. */
  readonly connection: ConnectionStatus;
  readonly welcome: Welcomed;
  /** The number of acts whose outcome is not known yet has changed. */
  readonly pending: Pending;
  /** The server rejected something that has no promise, or sent text that is not a valid frame. */
  readonly error: ParlorError;
  /** The room is closed for good. */
  readonly closed: Closed;
}
