import type { GetToken, JoinOptions, Room } from "../client/index.ts";
import { viewsOf, type Views } from "./views.ts";

/** Opens a room, as `joinRoom` does. */
export type Join = (url: string | URL, options?: JoinOptions) => Room;

/** A room that at least one provider uses. */
export interface OpenRoom {
  readonly room: Room;
  readonly views: Views;
  /** What this page has set as its presence data. */
  presence: unknown;
  /** Called when `presence` has changed. */
  readonly presenceListeners: Set<() => void>;
  /** The newest `getToken` of its providers. */
  getToken: GetToken | undefined;
  /** The number of providers that use it. */
  users: number;
}

/**
 * The rooms of this page, by address and key. Only effects use it. A server, which runs no effects, renders the pages of
 * many users without sharing anything.
 */
const openRooms = new Map<string, OpenRoom>();

/**
 * Returns the open room with this address and key for one more user, or joins it. A room that is closed for good is joined
 * again.
 */
export function acquire(url: string, options: JoinOptions, join: Join): OpenRoom {
  const name = nameOf(url, options);
  let open = openRooms.get(name);
  if (open === undefined || open.views.connection.snapshot.state === "closed") {
    open = openRoom(url, options, join);
    openRooms.set(name, open);
  }
  open.users++;
  return open;
}

/**
 * Ends one use of a room. The member leaves when its last user is gone. That is decided a moment later, because React may
 * unmount and mount a component again at once.
 */
export function release(url: string, options: JoinOptions, open: OpenRoom): void {
  setTimeout(() => {
    open.users--;
    if (open.users > 0) return;
    const name = nameOf(url, options);
    if (openRooms.get(name) === open) openRooms.delete(name);
    void open.room.leave();
  });
}

function nameOf(url: string, { key = "" }: JoinOptions): string {
  return `${key} ${url}`;
}

function openRoom(url: string, options: JoinOptions, join: Join): OpenRoom {
  const { getToken, presence } = options;
  const room = join(url, { ...options, getToken: getToken && (() => open.getToken?.()) });
  const open: OpenRoom = {
    ...{ room, views: viewsOf(room), getToken, presence },
    presenceListeners: new Set(),
    users: 0,
  };
  return open;
}
