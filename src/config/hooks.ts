import type {
  AppTypes,
  EventData,
  EventName,
  MessageContent,
  PresenceData,
  StateData,
  StateKey,
  StateMap,
  StateValues,
} from "../protocol/app-types.ts";
import { defined } from "../protocol/defined.ts";
import type { LeaveReason } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";

/** A member, as passed to hooks. */
export interface HookMember<App extends AppTypes = AppTypes> {
  readonly id: string;
  /** The verified user, or "" for an anonymous member. */
  readonly user: string;
  /** The `info` of its token; null if it has none. */
  readonly info: Json;
  /** Its presence data; null until it sets any. */
  readonly data: PresenceData<App, Json> | null;
}

/**
 * A message that a member wants to publish. Its `data` is null if it carries raw `bytes` instead.
 *
 * @template App declares the events and the types of their data. A comparison of `event` then decides the type of `data`
 */
export type HookMessage<App extends AppTypes = AppTypes> = MessageContent<App> & {
  readonly isVolatile: boolean;
  /** The ids of the addressees; `undefined` if the message is for all members. */
  readonly to: readonly string[] | undefined;
};

/** A state change that a member wants to make. */
export interface HookChange<App extends AppTypes = AppTypes> {
  readonly set: StateMap<App>;
  readonly deleted: readonly StateKey<App>[];
  readonly isOwn: boolean;
}

/** How a client joins. */
export interface HookJoin {
  /** Whether the client is a member already: it reconnects after a lost connection, or replaces a connection. */
  readonly isReturn: boolean;
}

/** Identifies the room for which a kind creates hooks. */
export interface RoomIdentity {
  readonly name: string;
  readonly kind: string;
}

/**
 * The room of a hook. What a hook publishes or sets takes effect after the act or join that it was called for, in the same
 * turn and the same write. If the hook throws or refuses, none of it takes effect. Use the handle only during the call.
 */
export interface RoomHandle<App extends AppTypes = AppTypes> extends RoomIdentity {
  /** The time of this turn, Unix milliseconds. */
  readonly now: number;
  /** All members. In `onJoin` and `onPresence`: all members except the one that the hook is called for. */
  members(): readonly HookMember<App>[];
  /** The value and the version of a key of the state; `undefined` if the key is absent. */
  get<Key extends StateKey<App>>(
    key: Key,
  ): { readonly value: StateData<App, Key, Json>; readonly version: number } | undefined;
  /**
   * Records a message of the room itself. Its `from` is `room`. Hooks are not called for it. A `Uint8Array` is sent as raw
   * bytes.
   *
   * @throws RangeError if the event is not 1-64 characters, the data is larger than `maxFrameBytes`, or there are more
   *   addressees than `maxMembers`
   */
  publish<Event extends EventName<App>>(
    event: Event,
    data: EventData<App, Event, Json | Uint8Array>,
    options?: { readonly to?: readonly string[] },
  ): void;
  /** Sends a volatile message of the room itself. Throws like {@link publish}. */
  send<Event extends EventName<App>>(
    event: Event,
    data: EventData<App, Event, Json | Uint8Array>,
    options?: { readonly to?: readonly string[] },
  ): void;
  /**
   * Changes keys of the state, whichever member owns them.
   *
   * @throws RangeError if the state would be too large, including everything else that this turn sets. Also if the change
   *   is larger than `maxFrameBytes`, names no key, names a key twice, or has a key that is not 1-64 characters
   */
  set(values: Readonly<StateValues<App, Json>>, deleted?: readonly StateKey<App>[]): void;
}

/** What a hook returns to refuse an act or a join. Create it with {@link refuse}. */
export interface Refusal {
  readonly refused: string;
  readonly retryAfterMs?: number;
}

/**
 * Refuses the act or join that a hook is called for. The client receives the sentence as the `message` of the error
 * `refused`.
 *
 * @param options `retryAfterMs`: the milliseconds after which it may be allowed. The client then waits and retries.
 *   Without it, a refused join is final, and the client does not retry a refused act
 */
export function refuse(sentence: string, { retryAfterMs }: { readonly retryAfterMs?: number } = {}): Refusal {
  return defined({ refused: sentence, retryAfterMs });
}

/**
 * The hooks of a kind, or of one room if the kind has a `create`. They are synchronous and run in the turn of the act, so
 * nothing changes between what they read and what they do. They cannot wait. If a hook throws, the error is logged, the act or
 * join is rejected with `internal`, and nothing that the hook did to the room takes effect.
 *
 * @template App the types of what members send. Without schemas nothing checks that members send them. @default any JSON
 */
export interface KindHooks<App extends AppTypes = AppTypes> {
  /**
   * A client wants to join as a member, or reconnects as one. `member.data` is the presence data that it will have. If the
   * hook refuses a reconnect, the member stays unchanged until its grace period ends. Not called for clients that only
   * watch.
   */
  onJoin?(this: void, room: RoomHandle<App>, member: HookMember<App>, how: HookJoin): Refusal | void;
  /**
   * A member wants to replace its presence data: with a `presence` act, with its join, or with a reconnect that brings other
   * data. The hook may change or refuse the data. A refusal rejects the act or the join. It does not reject a reconnect: the
   * member keeps its old data, and receives the refusal as an `error`. Called before `onJoin`. `member.data` is the member's
   * current data, or null for a new member.
   */
  onPresence?(
    this: void,
    room: RoomHandle<App>,
    member: HookMember<App>,
    data: PresenceData<App, Json>,
  ): Refusal | { readonly data?: PresenceData<App, Json> } | void;
  /** A member wants to publish a message. The hook may refuse or change it, also from data to bytes and back. */
  onPublish?(
    this: void,
    room: RoomHandle<App>,
    member: HookMember<App>,
    message: HookMessage<App>,
  ):
    | Refusal
    | {
        readonly event?: EventName<App>;
        readonly data?: EventData<App, EventName<App>, Json>;
        readonly bytes?: Uint8Array;
      }
    | void;
  /** A member wants to change the state. Versions and owners have been checked already. */
  onSet?(this: void, room: RoomHandle<App>, member: HookMember<App>, change: HookChange<App>): Refusal | void;
  /** A membership has ended. The member is no longer in {@link RoomHandle.members}. The hook cannot refuse. */
  onLeave?(this: void, room: RoomHandle<App>, member: HookMember<App>, reason: LeaveReason): void;
}
