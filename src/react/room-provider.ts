import { createElement, useEffect, useMemo, type ReactElement, type ReactNode } from "react";
import { joinRoom, type JoinOptions } from "../client/index.ts";
import { RoomContext, RoomHandle } from "./handle.ts";
import type { Join } from "./open-rooms.ts";

export interface RoomProviderProps {
  /** The room's address, as for `joinRoom`: `https://host/rooms/lobby`. Another address leaves this room and joins that one. */
  readonly url: string | URL;
  /**
   * The options for `joinRoom`. They are read when the room is opened, so an object literal is fine here. Of later changes only
   * two have an effect. Another `key` leaves the room and joins it as another member. The newest `getToken` is the one that
   * is called.
   *
   * @default none
   */
  readonly options?: JoinOptions | undefined;
  /** Opens the room. Tests pass a function that returns a fake. @default joinRoom */
  readonly join?: Join | undefined;
  readonly children?: ReactNode;
}

/**
 * Joins a room for the components below it, and leaves it when it is unmounted. Providers with the same address and key
 * share one connection, and the member leaves with the last of them. On a server nothing is opened.
 *
 * @example
 * <RoomProvider url="https://parlor.example/rooms/lobby" options={{ presence: { name: "Ana" } }}>
 *   <Chat />
 * </RoomProvider>
 */
export function RoomProvider({
  url,
  options = {},
  join = joinRoom,
  children,
}: RoomProviderProps): ReactElement {
  const address = String(url);
  const handle = useMemo(() => new RoomHandle(address, options, join), [address, options.key]);
  return createElement(
    RoomContext.Provider,
    { value: handle },
    // React runs the effects of siblings in order, so the room is open in the effects of `children`.
    createElement(Opener, { handle, options }),
    children,
  );
}

function Opener({ handle, options }: { handle: RoomHandle; options: JoinOptions }): null {
  useEffect(() => handle.attach(), [handle]);
  useEffect(() => {
    if (handle.open !== undefined) handle.open.getToken = options.getToken;
  });
  return null;
}
