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

/** How a client joins. */
export interface HookJoin {
  /** Whether the client is a member already and reconnects, after a lost connection or to replace one. */
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
  /** All members. In `onJoin` and `onPresence`: all other members, without the one that the hook is called for. */
  members(): readonly HookMember[];
  /** The value of a key of the state and its version; `undefined` for one that is absent. */
  get(key: string): { readonly value: Json; readonly version: number } | undefined;
  /**
   * Records a message of the room itself: its `from` is `room`. Hooks are not called for it. A `Uint8Array` is sent as
   * raw bytes.
   *
   * @throws RangeError if the event is not 1-64 characters, the data is larger than `maxFrameBytes`, or there are more
   *   addressees than `maxMembers`
   */
  publish(event: string, data: Json | Uint8Array, options?: { readonly to?: readonly string[] }): void;
  /** Sends a volatile message of the room itself. Throws as {@link publish} does. */
  send(event: string, data: Json | Uint8Array, options?: { readonly to?: readonly string[] }): void;
  /**
   * Changes keys of the state, whosever they are.
   *
   * @throws RangeError if the state would be too large, including everything else that this turn sets. Also if the change
   *   is larger than `maxFrameBytes`, names no key, names a key twice, or has a key that is not 1-64 characters
   */
  set(values: Readonly<Record<string, Json>>, deleted?: readonly string[]): void;
}

/** What a hook returns that does not allow something: made by {@link refuse}. */
export interface Refusal {
  readonly refused: string;
  readonly retryAfterMs?: number;
}

/**
 * Refuses what a hook was asked about. The client receives the sentence as the `message` of the error `refused`.
 *
 * @param options `retryAfterMs`: the milliseconds after which it may be allowed. The client then waits and retries.
 *   Without it, a refused join is final, and the client gives a refused act up
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
   * A client wants to join as a member, or reconnects as one. `member.data` is the presence data that it will have. If a
   * reconnect is refused, the member stays as it is until its grace is over. Not called for clients that only watch.
   */
  onJoin?(this: void, room: RoomHandle, member: HookMember, how: HookJoin): Refusal | void;
  /**
   * A member wants to replace its presence data: by a `presence` act, with its join, or with a reconnect that brings other
   * data. The hook may change or refuse the data. A refusal refuses the act or the join. A reconnect takes place even so:
   * the member keeps its old data, and receives the refusal as an `error`. Called before `onJoin`. `member.data` is the
   * member's current data, or null for a new member.
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
