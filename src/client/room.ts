import type { PresenceMode } from "../protocol/contract.ts";
import type { Json } from "../protocol/json.ts";
import type { Addressees, Published, SendOptions } from "./sending/acts.ts";
import type { RoomState } from "./connection/connection.ts";
import type { RoomEvents } from "./views/events.ts";
import type { SetOptions } from "./sending/encode.ts";
import type { Member } from "./views/members.ts";
import type { SharedValue } from "./views/shared-state.ts";
import type { TransportName } from "./transports/transport.ts";

/**
 * A room, joined. It stays joined: a connection that is lost is made again, what was missed is told in order, what
 * was not answered is sent again, until {@link Room.close}, {@link Room.leave} or a close that says to stay away.
 */
export interface Room {
  /** Who one is here, as given to or drawn by `joinRoom`. A secret; save it to come back as the same member. */
  readonly key: string;

  /** How the connection stands. */
  readonly state: RoomState;

  /** What the connection is made over; `undefined` while there is none. */
  readonly transport: TransportName | undefined;

  /** This client's member id, the same after every reconnect; `undefined` before the first welcome. */
  readonly self: string | undefined;

  /** Who is here, this client too, by id; a live view. Empty in the mode `count`. */
  readonly members: ReadonlyMap<string, Member>;

  /** How many are here, this client included unless it only watches; 0 before the first welcome. */
  readonly count: number;

  /**
   * Whether the room tells who is here, or only how many: `count` where that was asked for, and in a room of very many
   * members for as long as it is so large. The event `presence` tells of a change.
   */
  readonly mode: PresenceMode;

  /**
   * What the members share: values by key, set by {@link set}; a live view. It is the room's word, so an own change
   * stands here once the room has taken it: over WebSocket before its promise resolves, over SSE soon before or after.
   */
  readonly shared: ReadonlyMap<string, SharedValue>;

  /**
   * How far this client has read; `undefined` before the first welcome of one that brought no position. Save it, and
   * give it to `joinRoom` later: inside a listener of `message` it stands behind that message.
   */
  readonly position: string | undefined;

  /** Round trip of the last ping, in milliseconds; `undefined` before the first, and over SSE. */
  readonly latencyMs: number | undefined;

  /**
   * Listens to one type of event. If a listener throws, or rejects where it is asynchronous, the error is reported as an
   * uncaught error in browsers and written to the console elsewhere. It stops neither other listeners nor the process.
   *
   * @returns a function that ends it
   */
  on<Type extends keyof RoomEvents>(type: Type, listener: (event: RoomEvents[Type]) => void): () => void;

  /**
   * Says something that is recorded: stored, in order, and read by whoever comes back for it. Sent again over every
   * new connection until the room has answered, and stored once all the same.
   *
   * Messages are stored in the order in which they were published, except around one that the room refuses for its
   * rate: that one is sent again, behind those that were on their way.
   *
   * @param event 1-64 characters
   * @param data anything that JSON can represent (`undefined` becomes null), or an `ArrayBuffer` or any view of a buffer,
   *   which is sent as raw bytes. Values that JSON would change silently, such as a `Map`, a function or `NaN`, are rejected
   *   with `bad_frame`
   * @param options `to`: the members it is for, this one beside them; without it, everyone
   * @returns where it is in the log, once it is stored; rejects with a {@link ParlorError} once it is known that it
   * will not be, and with `outcome_unknown` or `stale_ref` where that cannot be known any more. A rejection that nobody
   * handles is not reported as unhandled.
   */
  publish(event: string, data: unknown, options?: Addressees): Promise<Published>;

  /**
   * Changes the shared state, all keys or none. Like {@link publish} it is stored, has its place among the messages,
   * and is sent again until the room has answered, so that it takes effect once.
   *
   * With `if` it is a compare-and-set: where a key has another version it is rejected `conflict`, and the error's
   * `versions` tells which. {@link shared} has them by then, or is about to: wait for the event `shared` until it has,
   * and set anew from there. A room whose history is not durable may have forgotten its state while it slept, and tells
   * so with the next change: until then `versions` alone are right. {@link update} does all of this for one key.
   *
   * @param values by key, 1-64 characters each, anything JSON can carry; with `delete` 64 keys at most
   * @returns where it is in the log, once it is stored; rejects with a {@link ParlorError}: as `publish` does, and with
   * `conflict`, `not_owner` (a key belongs to another member) or `state_full`
   *
   * @example
   * await room.set({ topic: "lunch" });
   * await room.set({ votes: 3 }, { if: { votes: room.shared.get("votes")?.version } });
   */
  set(values: Readonly<Record<string, unknown>>, options?: SetOptions): Promise<Published>;

  /**
   * Changes one key of the shared state, computed from its current value: {@link set} with `if`, repeated after each
   * `conflict`. Before each retry it waits for a random time, which grows with each conflict in a row.
   *
   * Updates of one key that wait for an answer or for a connection are applied in order, and set in one step.
   *
   * @param change receives the value (`undefined` for an absent key), and returns the new one (`undefined` deletes the
   * key). It is called again after a conflict, so it should have no side effects
   * @returns as `set` does; rejects with what `change` throws, and with `conflict` after 16 conflicts in a row
   *
   * @example
   * await room.update("votes", (votes = 0) => Number(votes) + 1);
   */
  update(key: string, change: (value: Json | undefined) => unknown): Promise<Published>;

  /**
   * Says something volatile: to who is connected now, at most once, stored nowhere. Never throws: without a connection
   * it is dropped, and what the room would refuse is told by the event `error`.
   *
   * Sent no faster than the room's limits allow. What cannot be sent at once waits, and the newest with the same event,
   * key and addressees takes the place of the older.
   *
   * @param data as in {@link publish}
   * @param options `key`: which messages of this event may stand for one another; `to`: the members it is for
   */
  send(event: string, data: unknown, options?: SendOptions): void;

  /**
   * Replaces what this member says of itself. Of several in a row only the newest is sent. It is said again at every
   * reconnect.
   *
   * @param data anything JSON can carry, up to the room's `maxPresenceBytes`
   * @returns resolves once the room has taken it, or a newer one; rejects with a {@link ParlorError}
   */
  setPresence(data: unknown): Promise<void>;

  /**
   * Leaves: the room knows at once, and tells the others that this member `left`. Acts that wait are rejected
   * `closed`.
   *
   * @returns resolves when the room has heard of it, or cannot
   */
  leave(): Promise<void>;

  /**
   * Hangs up for good. Acts that wait are rejected `closed`. Over WebSocket the room knows at once; over SSE it finds
   * out within half a minute, so {@link leave} is kinder.
   */
  close(): void;
}
