import type { Member, Room, RoomEvents, SharedValue, StateChange, TransportName } from "../client/index.ts";

/** A value that changes as a whole. Components render its snapshot, and subscribe to its changes. */
export interface View<Snapshot> {
  /** Immutable. It is the same object until something changes. */
  readonly snapshot: Snapshot;
  /** Calls the listener after each change. The returned function stops that. */
  subscribe(listener: () => void): () => void;
}

/** The state of a connection. */
export interface Connection {
  /**
   * `idle` before the connection is opened, and on a server. `connecting` until the first welcome, `open`, `waiting` until
   * the client has reconnected, or `closed` for good.
   */
  readonly state: "idle" | "connecting" | "open" | "waiting" | "closed";
  /** While it is open. */
  readonly transport?: TransportName | undefined;
  /** The close code of the last connection, if there is none now. */
  readonly code?: number | undefined;
  /** Why there is no connection, for people. */
  readonly reason?: string | undefined;
}

/** What components render of a room. */
export interface Views {
  readonly connection: View<Connection>;
  readonly members: View<ReadonlyMap<string, Member>>;
  readonly shared: View<ReadonlyMap<string, SharedValue>>;
}

/** The snapshots of a room without a connection. A server renders them, and so does the first render in a browser. */
export const INITIAL: { readonly [Name in keyof Views]: Views[Name]["snapshot"] } = {
  connection: { state: "idle" },
  members: new Map(),
  shared: new Map(),
};

/**
 * The views of a room. `room.members` and `room.shared` are live, so this file keeps a copy of each until the next change.
 * Nothing else in this folder depends on how a room reports changes.
 */
export function viewsOf(room: Room): Views {
  let change: StateChange = { state: room.state, reason: "" };
  room.on("state", (newest) => (change = newest));
  return {
    connection: viewOf(room, "state", () => connectionOf(change, room.transport)),
    members: viewOf(room, "presence", () => new Map(room.members)),
    shared: viewOf(room, "shared", () => new Map(room.shared)),
  };
}

function viewOf<Snapshot extends object>(
  room: Room,
  event: keyof RoomEvents,
  copy: () => Snapshot,
): View<Snapshot> {
  let snapshot: Snapshot | undefined;
  // Registered before any component subscribes, so that it forgets the snapshot before a component reads it.
  room.on(event, () => (snapshot = undefined));
  return {
    get snapshot() {
      return (snapshot ??= copy());
    },
    subscribe: (listener) => room.on(event, listener),
  };
}

function connectionOf(
  { state, code, reason }: StateChange,
  transport: TransportName | undefined,
): Connection {
  switch (state) {
    case "connecting":
      return { state };
    case "connected":
      return { state: "open", transport };
    case "reconnecting":
      return { state: "waiting", code, reason };
    case "closed":
      return { state, code, reason };
    default:
      return state satisfies never;
  }
}
