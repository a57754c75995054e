import type { LeaveReason } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";

/** A member as a hook sees it. */
export interface HookMember {
  readonly id: string;
  /** The verified user, or "". */
  readonly user: string;
  /** What its token says of it; null for nothing. */
  readonly info: Json;
  /** What it says of itself; null until it said something. */
  readonly data: Json;
}

/** A message that a member wants to publish. */
export interface HookMessage {
  readonly event: string;
  /** Null where it carries bytes. */
  readonly data: Json;
  /** The raw bytes that it carries in place of data; `undefined` for all other messages. */
  readonly bytes: Uint8Array | undefined;
  readonly isVolatile: boolean;
  /** The members it is for; `undefined` for everyone. */
  readonly to: readonly string[] | undefined;
}

/** A change of the state that a member wants to make. */
export interface HookChange {
  readonly set: ReadonlyMap<string, Json>;
  readonly deleted: readonly string[];
  readonly isOwn: boolean;
}

/** How a client comes to join. */
export interface HookJoin {
  /** Whether it is a member already and reconnects: after a lost connection, or to replace one. */
  readonly isReturn: boolean;
}

/**
 * The room that a hook acts in. What a hook says or sets takes effect after what it was called for, in the same turn
 * and the same write, and not at all if the hook throws or refuses. Use it within the call only.
 */
export interface RoomHandle {
  readonly name: string;
  readonly kind: string;
  /** The time of this turn, Unix milliseconds. */
  readonly now: number;
  /** All members. In `onJoin` and `onPresence`: all others, without the member that the hook is asked about. */
  members(): readonly HookMember[];
  /** The value of a key of the state and its version; `undefined` for one that is absent. */
  get(key: string): { readonly value: Json; readonly version: number } | undefined;
  /**
   * Records a message of the room itself: its `from` is `room`. Hooks are not called for it. A `Uint8Array` is sent as
   * raw bytes.
   *
   * @throws RangeError for an event that is not 1-64 characters, for data larger than `maxFrameBytes`, and for more
   *   addressees than `maxMembers`
   */
  publish(event: string, data: Json | Uint8Array, options?: { readonly to?: readonly string[] }): void;
  /** Sends a volatile message of the room itself. Throws as {@link publish} does. */
  send(event: string, data: Json | Uint8Array, options?: { readonly to?: readonly string[] }): void;
  /**
   * Changes keys of the state, whosever they are.
   *
   * @throws RangeError if the state would be too large, counting everything else that this turn sets. Also for a change
   *   larger than `maxFrameBytes`, for no key, for a key that is named twice, and for one that is not 1-64 characters
   */
  set(values: Readonly<Record<string, Json>>, deleted?: readonly string[]): void;
}

/** What a hook returns that does not allow something: made by {@link refuse}. */
export interface Refusal {
  readonly refused: string;
  readonly retryAfterMs?: number;
}

/**
 * Does not allow something. The sentence reaches the client, as the `message` of the error `refused`.
 *
 * @param options `retryAfterMs`: after how many milliseconds the same may be allowed. The client then waits and tries
 *   again; without it, a refused join is final and a refused act is given up
 */
export function refuse(sentence: string, { retryAfterMs }: { readonly retryAfterMs?: number } = {}): Refusal {
  return { refused: sentence, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/**
 * What a kind adds to its rooms. Hooks are synchronous: they run within the turn of the act, so nothing comes between
 * what they see and what they do, and they may not wait. One that throws is logged; what it was asked about is refused
 * `internal`, and nothing of what it did takes effect.
 */
export interface KindHooks {
  /**
   * A client wants to join as a member, or reconnects as one. `member.data` is the presence data it will have. A member
   * whose reconnect is refused stays as it is until its grace is over. Not called for clients that only watch.
   */
  onJoin?(this: void, room: RoomHandle, member: HookMember, how: HookJoin): Refusal | void;
  /**
   * A member wants to replace its presence data: by a `presence` act, with its join, or with a reconnect that brings
   * other data. The data may be changed or refused. Refusing it refuses the act or the join. A reconnect takes place all
   * the same: the member keeps the data that it had, and receives the refusal as an `error`. Called before `onJoin`;
   * `member.data` is what the member has now, null for a new one.
   */
  onPresence?(
    this: void,
    room: RoomHandle,
    member: HookMember,
    data: Json,
  ): Refusal | { readonly data?: Json } | void;
  /** A member wants to say something: it may be changed, data to bytes and back too, or refused. */
  onPublish?(
    this: void,
    room: RoomHandle,
    member: HookMember,
    message: HookMessage,
  ): Refusal | { readonly event?: string; readonly data?: Json; readonly bytes?: Uint8Array } | void;
  /** A member wants to change the state, and may: versions and owners have been checked. */
  onSet?(this: void, room: RoomHandle, member: HookMember, change: HookChange): Refusal | void;
  /** A member has departed; it is not among {@link RoomHandle.members} any more. Nothing can be refused. */
  onLeave?(this: void, room: RoomHandle, member: HookMember, reason: LeaveReason): void;
}
