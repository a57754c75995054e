import type { AppTypes } from "../protocol/app-types.ts";
import { roomAddress } from "./transports/address.ts";
import { makeDialers, type Dialers } from "./transports/dialers.ts";
import { realEnvironment, type Environment } from "./runtime/environment.ts";
import { settle, type JoinOptions } from "./options.ts";
import type { Room } from "./room.ts";
import { Session } from "./session.ts";

/** The dependencies of {@link createRoom}. Tests pass substitutes. */
export interface RoomDeps {
  readonly environment?: Environment;
  readonly dialers?: Dialers;
}

/**
 * Joins a room, and reconnects automatically until the room is closed.
 *
 * @param url the room's address, `https://host/rooms/lobby`; the schemes ws and wss are accepted too
 * @template App the types of the application's events, state, presence data and requests. They are checked when you compile, and
 *   not when data arrives. @default any JSON
 * @throws TypeError for an invalid address, an invalid option, or a runtime that supports none of the transports
 * @throws ParlorError `bad_frame` for presence data that JSON cannot represent
 *
 * @example
 * const room = joinRoom("https://parlor.example/rooms/lobby", { presence: { name: "Ana" } });
 * room.on("message", ({ from, event, data }) => console.log(from, event, data));
 * await room.publish("chat", { text: "hi" });
 */
export function joinRoom<App extends AppTypes = AppTypes>(
  url: string | URL,
  options: JoinOptions<App> = {},
): Room<App> {
  return createRoom(url, options as JoinOptions) as unknown as Room<App>;
}

/** The same as {@link joinRoom}, with dependencies of the caller. Not exported to applications. */
export function createRoom(url: string | URL, options: JoinOptions, deps: RoomDeps = {}): Room {
  const settings = settle(options);
  const { environment = realEnvironment, dialers = makeDialers(settings) } = deps;
  return new Session(roomAddress(url), settings, dialers, environment);
}
