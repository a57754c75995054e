import { readConfig, type Variables } from "../config/config.ts";
import type { Kinds } from "../config/kinds.ts";
import { setLogLevel } from "../metrics/log.ts";
import { defineRoomClass, type RoomClass } from "../room/room.ts";
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

/** A server of rooms: the Worker's handler, and the class to export for the binding `ROOM`. */
export interface Parlor {
  readonly handler: { fetch(request: Request): Response | Promise<Response> };
  readonly Room: RoomClass;
}

/**
 * Makes a server of rooms.
 *
 * @throws ConfigError naming everything that is wrong with the variables or the kinds
 */
export function createParlor(options: { readonly kinds: Kinds; readonly env: Env & Variables }): Parlor {
  const config = readConfig(options.env, options.kinds);
  setLogLevel(config.server.logLevel);
  const app = createApp(config, options.env);
  return { handler: { fetch: (request) => app.fetch(request) }, Room: defineRoomClass(config) };
}
