import type { Context } from "hono";

import type { Config } from "../../config/config.ts";
import type { Caller } from "../admission/callers.ts";
import type { NewRooms } from "../admission/new-rooms.ts";
import type { Carried } from "../env.ts";
import type { Rooms } from "../rooms/rooms.ts";

/** The environment of every route, in Hono's terms. */
export interface RouteEnv extends Carried {
  /** Set by the middleware in `app.ts` before a route is chosen. */
  readonly Variables: { caller: Caller };
}

/** A request that has been identified and counted. */
export type Incoming = Context<RouteEnv>;

/** What all routes of rooms need. */
export interface Shared {
  readonly server: Config["server"];
  readonly rooms: Rooms;
  /** Absent if the limits per address are off. */
  readonly newRooms: NewRooms | undefined;
}
