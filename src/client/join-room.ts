import { roomAddress } from "./transports/address.ts";
import { makeDialers, type Dialers } from "./transports/dialers.ts";
import { realEnvironment, type Environment } from "./runtime/environment.ts";
import { settle, type JoinOptions } from "./options.ts";
import type { Room } from "./room.ts";
import { Session } from "./session.ts";

/** What {@link createRoom} takes from the world; tests give their own. */
export interface RoomDeps {
  readonly environment?: Environment;
  readonly dialers?: Dialers;
}

/**
 * Joins a room, and stays in it.
 *
 * @param url the room's address, `https://host/rooms/lobby`; ws and wss are taken too
 * @throws TypeError for an address, a key or transports that cannot be used
 * @throws ParlorError `bad_frame` for presence data that JSON cannot carry
 *
 * @example
 * const room = joinRoom("https://parlor.example/rooms/lobby", { presence: { name: "Ana" } });
 * room.on("message", ({ from, event, data }) => console.log(from, event, data));
 * await room.publish("chat", { text: "hi" });
 */
export function joinRoom(url: string | URL, options: JoinOptions = {}): Room {
  return createRoom(url, options);
}

/** As {@link joinRoom}, in a world of the caller's. Not exported to applications. */
export function createRoom(url: string | URL, options: JoinOptions, deps: RoomDeps = {}): Room {
  const settings = settle(options);
  const { environment = realEnvironment, dialers = makeDialers(settings) } = deps;
  return new Session(roomAddress(url), settings, dialers, environment);
}
