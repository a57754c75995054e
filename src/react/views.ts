import type { ConnectionStatus, Member, Room, SharedValue } from "../client/index.ts";

/** A value that changes as a whole. Components render its snapshot, and subscribe to its changes. */
export interface View<Snapshot> {
  /** Immutable. It is the same object until something changes. */
  readonly snapshot: Snapshot;
  /** Calls the listener after each change. The returned function stops that. */
  subscribe(listener: () => void): () => void;
}

/** What components render of a room. */
export interface Views {
  readonly connection: View<ConnectionStatus>;
  readonly members: View<ReadonlyMap<string, Member>>;
  readonly shared: View<ReadonlyMap<string, SharedValue>>;
}

/** The snapshots of a room without a connection. A server renders them, and so does the first render in a browser. */
export const INITIAL: { readonly [Name in keyof Views]: Views[Name]["snapshot"] } = {
  connection: { state: "idle" },
  members: new Map(),
  shared: new Map(),
};

/** The views of a room. Nothing else in this folder depends on how a room reports changes. */
export function viewsOf(room: Room): Views {
  return {
    connection: {
      get snapshot() {
        return room.connection;
      },
      subscribe: (listener) => room.on("connection", listener),
    },
    members: room.members,
    shared: room.shared,
  };
}
